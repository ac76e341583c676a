"""Customers who choose or undo a cheaper plan while a worker charges the next month."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model

from accounts.models import User
from moportal.database.statements import compare_and_set
from plans.models import Plan
from plans.queries import offers
from subscriptions.domain import cheaper, periods, renewing
from subscriptions.domain.cheaper import Consent, TooLate
from subscriptions.models import Period, PlanChange, Subscription
from tests.builders import GB, make_plan
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import HOUR
from tests.subscriptions.test_renewal_races import FEBRUARY, GOOD, both, process, statuses

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_process")]
PLANS = 8


@pytest.fixture
def small() -> Plan:
    return make_plan(code="small", category="recurring", data_bytes=2 * GB, minor_units=1500)


@pytest.fixture
def life(alice: User, small: Plan) -> Iterator[Life]:
    with living(alice, GOOD) as life:
        life.pass_to(FEBRUARY - HOUR)
        yield life


def choose(subscription: Subscription) -> None:
    """Choose the small plan for $15.00, under the method that pays now."""
    fresh = Subscription.objects.select_related("mandate__method", "plan").get(pk=subscription.pk)
    assert fresh.mandate is not None
    found = offers(market="US", location="US", language="en")
    [offer] = [one for one in found if one.plan.code == "small"]
    cheaper.choose(fresh, offer, Consent(fresh.mandate.method, "I agree.", "en"))


def charged(life: Life) -> dict[str, int]:
    """Return what was captured for the second month of each plan."""
    captured = [one for one in life.books.entries if one.status == "captured"]
    return {one.reference.removesuffix("-2"): one.amount.minor_units for one in captured}


def test_an_undo_and_the_begin_at_the_same_moment_leave_one_of_two_results(
    alice: User, small: Plan
) -> None:
    with living(alice, *[GOOD] * PLANS) as life:
        life.pass_to(FEBRUARY - HOUR)
        for subscription in life.subscriptions:
            choose(subscription)
        life.work()
        life.clock.move_to(FEBRUARY, tick=False)
        kept = set()
        for subscription in life.subscriptions:

            def undo(subscription: Subscription = subscription) -> None:
                cheaper.undo(Subscription.objects.get(pk=subscription.pk))

            def renew(subscription: Subscription = subscription) -> None:
                process(subscription)

            found = both(undo, renew)
            if not any(isinstance(one, TooLate) for one in found):
                kept.add(subscription.reference)
        life.pass_to(FEBRUARY + HOUR)

        expected = {
            one.reference: 2500 if one.reference in kept else 1500 for one in life.subscriptions
        }
        assert charged(life) == expected
        assert set(statuses(life)) <= {"captured", "voided"}
        for period in Period.objects.filter(number=2).select_related("subscription__plan", "plan"):
            assert period.plan == period.subscription.plan
            assert period.gross_minor_units == expected[period.subscription.reference]


def test_an_undo_between_reading_and_beginning_wins(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    [subscription] = life.subscriptions
    choose(subscription)
    life.work()
    lock = periods.lock_plan

    def undo_first(read_before: Subscription) -> tuple[Subscription, Period, Period | None]:
        monkeypatch.setattr(cheaper, "lock_plan", lock)
        cheaper.undo(Subscription.objects.get(pk=read_before.pk))
        return lock(read_before)

    monkeypatch.setattr(cheaper, "lock_plan", undo_first)
    life.pass_to(FEBRUARY + HOUR)

    assert charged(life) == {subscription.reference: 2500}
    assert PlanChange.objects.get().state == "undone"


def choose_before_the_decision(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the customer choose after a worker has read the plan, and before it decides to charge.

    The clock of the server with the page is a second behind, so the month has not begun there.
    """
    [subscription] = life.subscriptions
    decide = renewing._decide_to_charge  # noqa: SLF001 -- the moment that the race is about

    def choose_first(*subject: Any) -> bool:
        monkeypatch.setattr(renewing, "_decide_to_charge", decide)
        life.clock.move_to(FEBRUARY - timedelta(seconds=1), tick=False)
        choose(subscription)
        life.clock.move_to(FEBRUARY, tick=False)
        return decide(*subject)

    monkeypatch.setattr(renewing, "_decide_to_charge", choose_first)
    life.clock.move_to(FEBRUARY, tick=False)
    process(subscription)
    life.pass_to(FEBRUARY + HOUR)


def test_a_choice_between_reading_and_deciding_is_charged_at_its_own_price(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_before_the_decision(life, monkeypatch)

    assert charged(life) == {life.subscriptions[0].reference: 1500}
    assert Subscription.objects.get().plan_name == "Small"


def test_without_the_comparison_the_customer_would_pay_the_old_price_for_the_new_plan(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unguarded(model: type[Model], pk: Any, expected: Mapping[str, Any], **changes: Any) -> bool:
        rest = {name: value for name, value in expected.items() if name != "mandate"}
        return compare_and_set(model, pk, rest, **changes)

    monkeypatch.setattr(renewing, "compare_and_set", unguarded)
    choose_before_the_decision(life, monkeypatch)

    assert charged(life) == {life.subscriptions[0].reference: 2500}
    assert Period.objects.get(number=2).gross_minor_units == 1500
