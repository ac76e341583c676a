"""`demo.aging`: a plan's time passes although no clock is moved."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import User
from demo import aging, views
from subscriptions.domain import cancelling
from subscriptions.models import Attempt
from subscriptions.states import SubscriptionState
from tests.subscriptions.renewals import PRICE, Renewal, sell

NO_MONEY = "4000000000000341"


def pass_months(renewal: Renewal, months: int) -> None:
    for _ in range(months):
        renewal.subscription.refresh_from_db()
        aging.age(renewal.subscription, months=1)
        renewal.process()
    renewal.subscription.refresh_from_db()


def test_each_month_is_charged_once(monthly: Renewal) -> None:
    pass_months(monthly, 3)

    assert monthly.charged == [("captured", PRICE)] * 3
    assert [(number, state) for number, state, *_ in monthly.periods] == [
        (1, "paid"),
        (2, "paid"),
        (3, "paid"),
        (4, "paid"),
    ]
    # A whole month at once leaps over the three days before it ends.
    assert monthly.told == ["renewed"] * 3


def test_a_cancelled_plan_ends(monthly: Renewal) -> None:
    cancelling.cancel(monthly.subscription)

    pass_months(monthly, 1)

    assert monthly.subscription.state == SubscriptionState.ENDED


def test_days_lead_through_grace_and_hold(alice: User, gateway: str, network: str) -> None:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        pass_months(renewal, 1)
        assert renewal.subscription.state == SubscriptionState.GRACE

        for _ in range(8):
            aging.age(renewal.subscription, days=1)
            renewal.process()
            renewal.subscription.refresh_from_db()

        assert renewal.subscription.state == SubscriptionState.ON_HOLD
        assert 2 < Attempt.objects.count() < 7


def test_the_simulators_page_has_a_button(monthly: Renewal, rf: RequestFactory) -> None:
    answer = views.age(rf.post("/demo/age/", {"step": "month"}))
    monthly.process()

    assert json.loads(answer.content) == {"moved": 1}
    assert monthly.charged == [("captured", PRICE)]
    assert json.loads(views.age(rf.post("/demo/age/", {"step": "year"})).content) == {"moved": 0}


def test_the_command_is_the_demos_alone(db: None, settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="only in a demo"):
        call_command("age", months=1)
    settings.DEMO = True
    with pytest.raises(CommandError, match="Say how much time passes"):
        call_command("age")


def test_the_command_says_what_happened(
    monthly: Renewal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMO = True
    said = StringIO()
    # No worker runs in this test.
    monkeypatch.setattr("demo.management.commands.age.PATIENCE", 0)

    call_command("age", months=1, stdout=said)

    assert "Monthly 5: Active" in said.getvalue()
    monthly.process()
    assert monthly.charged == [("captured", PRICE)]
