"""A transaction id is spent for as long as the setting says, and then forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from balance_api.models import AnsweredTransaction
from balance_api.tasks import forget
from tests.balance_api.test_views import TRANSACTION, ask

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def statuses(*moments: datetime) -> list[int]:
    answers = []
    for moment in moments:
        with time_machine.travel(moment, tick=False):
            answers.append(ask("8944999000000000012", **{TRANSACTION: "T"}).status_code)
    return answers


def test_within_its_time_it_is_refused_and_then_taken_again() -> None:
    day = timedelta(days=1)
    moment = timedelta(seconds=1)

    assert statuses(NOON, NOON + day - moment, NOON + day, NOON + day + moment) == [
        404,
        409,
        404,
        409,
    ]


def test_at_the_very_same_moment_too() -> None:
    assert statuses(NOON, NOON) == [404, 409]


def test_the_time_is_a_setting_and_may_be_none(settings: Any) -> None:
    settings.BALANCE_REPLAY_HOURS = 1
    assert statuses(NOON, NOON + timedelta(hours=1)) == [404, 404]

    settings.BALANCE_REPLAY_HOURS = 0
    assert statuses(NOON, NOON) == [404, 404]


def test_what_may_be_used_again_is_taken_off() -> None:
    for name, hours in (("old", 25), ("new", 23)):
        AnsweredTransaction.objects.create(
            caller="anybody", transaction_id=name, at=NOON - timedelta(hours=hours)
        )

    with time_machine.travel(NOON, tick=False):
        forget()

    assert [told.transaction_id for told in AnsweredTransaction.objects.all()] == ["new"]


def test_a_clock_that_ran_fast_locks_nobody_out(settings: Any) -> None:
    settings.BALANCE_RATE = 1

    assert statuses(NOON + timedelta(minutes=5)) == [404]
    assert statuses(NOON) == [409]
