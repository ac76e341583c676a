"""A used transaction id is refused for as long as `BALANCE_REPLAY_HOURS` says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from balance_api.admission import delete_old_transactions
from balance_api.models import AnsweredTransaction
from tests.balance_api.test_views import TRANSACTION, get_balance

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def statuses(*moments: datetime) -> list[int]:
    """Send a request with the same transaction id at each of these times."""
    answers = []
    for moment in moments:
        with time_machine.travel(moment, tick=False):
            answer = get_balance("8944999000000000012", **{TRANSACTION: "T"})
            answers.append(answer.status_code)
    return answers


def test_a_used_transaction_id_is_refused_until_its_time_is_over() -> None:
    day = timedelta(days=1)
    second = timedelta(seconds=1)

    assert statuses(NOON, NOON + day - second, NOON + day, NOON + day + second) == [
        404,
        409,
        404,
        409,
    ]


def test_a_transaction_id_is_refused_twice_in_the_same_microsecond() -> None:
    assert statuses(NOON, NOON) == [404, 409]


def test_the_setting_shortens_the_time_or_switches_the_check_off(settings: Any) -> None:
    settings.BALANCE_REPLAY_HOURS = 1
    assert statuses(NOON, NOON + timedelta(hours=1)) == [404, 404]

    settings.BALANCE_REPLAY_HOURS = 0
    assert statuses(NOON, NOON) == [404, 404]


def test_the_task_deletes_transaction_ids_that_may_be_used_again() -> None:
    for name, hours in (("old", 25), ("new", 23)):
        AnsweredTransaction.objects.create(
            caller="anybody", transaction_id=name, at=NOON - timedelta(hours=hours)
        )

    with time_machine.travel(NOON, tick=False):
        delete_old_transactions()

    assert [stored.transaction_id for stored in AnsweredTransaction.objects.all()] == ["new"]


def test_a_rate_written_by_a_fast_clock_locks_nobody_out(settings: Any) -> None:
    settings.BALANCE_RATE = 1

    assert statuses(NOON + timedelta(minutes=5)) == [404]
    assert statuses(NOON) == [409]
