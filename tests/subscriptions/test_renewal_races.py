"""Customers and workers that change one renewing plan at the same moment."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import AccountMessage, User
from subscriptions.domain import cancelling, lifecycle, overdue, paying, renewing
from subscriptions.domain.cancelling import NotRenewing
from subscriptions.domain.periods import paid_and_coming
from subscriptions.models import Attempt, Bucket, Period, Subscription
from subscriptions.states import SubscriptionState
from tests.orders.test_two_workers import Free
from tests.payments.conftest import agree
from tests.races import at_once
from tests.speeds import long
from tests.subscriptions.months.bank import BankCard, Refusal
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.months.story import Story, months_later
from tests.subscriptions.months.test_months import PLANS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("in_process")]
SOLD = datetime(2025, 1, 31, 9, tzinfo=UTC)
FEBRUARY, MARCH = (months_later(SOLD, months, "UTC") for months in (1, 2))
GOOD = Story("UTC", SOLD, 2500, BankCard("good"))
DEAD = Story("UTC", SOLD, 2500, BankCard("dead", bad=((SOLD, SOLD + 400 * DAY),)))


@pytest.fixture
def life(alice: User) -> Iterator[Life]:
    with living(alice, GOOD) as life:
        yield life


@pytest.fixture
def refused(alice: User) -> Iterator[Life]:
    with living(alice, DEAD) as life:
        yield life


def both(*actions: Callable[[], Any]) -> list[Any]:
    """Run the actions in parallel, in an order that changes. Return results and exceptions."""
    waiting = list(actions)
    random.shuffle(waiting)

    def run() -> Any:
        action = waiting.pop()
        time.sleep(random.uniform(0, 0.01))  # noqa: S311 -- jitter is no secret
        return action.__name__, action()

    return at_once(run, len(actions))


def process(subscription: Subscription) -> None:
    """Process it as a worker does that has lost its lease without knowing."""
    renewing.process(str(subscription.pk), Free())


def statuses(life: Life) -> list[str]:
    return [entry.status for entry in life.books.entries]


@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    ("share", "plans"), [(0, 20), *(long(share, 250 if PLANS else 10) for share in range(4))]
)
def test_a_cancel_and_a_charge_at_the_same_moment_leave_one_of_two_results(
    alice: User, share: int, plans: int
) -> None:
    with living(alice, *[GOOD] * plans) as life:
        life.pass_to(FEBRUARY - HOUR)
        life.clock.move_to(FEBRUARY, tick=False)
        ends = {}
        for subscription in life.subscriptions:

            def cancel(subscription: Subscription = subscription) -> datetime:
                return cancelling.cancel(Subscription.objects.get(pk=subscription.pk))

            def renew(subscription: Subscription = subscription) -> None:
                process(subscription)

            found = dict(both(cancel, renew))
            ends[subscription.reference] = found["cancel"]
        life.pass_to(MARCH + DAY)

        charged = {
            entry.reference.removesuffix("-2")
            for entry in life.books.entries
            if entry.status == "captured"
        }
        assert charged == {reference for reference, end in ends.items() if end == MARCH}
        assert set(ends.values()) <= {FEBRUARY, MARCH}
        assert set(statuses(life)) <= {"captured", "voided"}
        states = Subscription.objects.values_list("state", flat=True)
        assert set(states) == {SubscriptionState.ENDED}


def test_a_cancel_between_reading_and_deciding_wins(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    [subscription] = life.subscriptions
    life.pass_to(FEBRUARY - HOUR)
    decide = renewing._decide_to_charge  # noqa: SLF001 -- the moment that the race is about

    def cancel_first(*subject: Any) -> bool:
        cancelling.cancel(Subscription.objects.get(pk=subscription.pk))
        return decide(*subject)

    monkeypatch.setattr(renewing, "_decide_to_charge", cancel_first)
    life.clock.move_to(FEBRUARY, tick=False)
    process(subscription)
    life.work()

    assert statuses(life) == ["voided"]


def test_without_the_comparison_the_database_still_refuses_the_charge(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    [subscription] = life.subscriptions
    life.pass_to(FEBRUARY - HOUR)

    def decide(*_subject: Any) -> bool:
        same = Subscription.objects.filter(pk=subscription.pk)
        cancelling.cancel(same.get())
        return bool(same.update(decided_number=2))

    monkeypatch.setattr(renewing, "_decide_to_charge", decide)
    life.clock.move_to(FEBRUARY, tick=False)
    with pytest.raises(IntegrityError, match="nothing_is_charged_after_the_last_period"):
        process(subscription)

    assert statuses(life) == ["authorised"]


def test_two_workers_open_a_period_once(life: Life) -> None:
    [subscription] = life.subscriptions
    life.pass_to(FEBRUARY - HOUR)
    life.clock.move_to(FEBRUARY, tick=False)

    at_once(lambda: process(subscription), 4)
    life.pass_to(FEBRUARY + HOUR)

    assert statuses(life) == ["captured"]
    assert Bucket.objects.filter(period__number=2).count() == 1
    assert Subscription.objects.get().state == SubscriptionState.ACTIVE


def test_two_workers_begin_grace_and_hold_once(alice: User) -> None:
    # No try is under way meanwhile, which would count as a fault of the operator.
    asks = replace(DEAD, card=replace(DEAD.card, refusal=Refusal.WANTS_CUSTOMER))
    with living(alice, asks) as life:
        [subscription] = life.subscriptions
        life.pass_to(FEBRUARY - HOUR)
        for moment in (FEBRUARY, FEBRUARY + 7 * DAY):
            life.clock.move_to(moment, tick=False)
            at_once(lambda: process(subscription), 4)
        life.pass_to(FEBRUARY + 7 * DAY + HOUR)

        numbers = list(Period.objects.order_by("number").values_list("number", "state"))
        assert numbers == [(1, "paid"), (2, "lapsed"), (3, "planned")]
        assert Bucket.objects.filter(period__number=2).count() == 1


def test_a_worker_that_stalled_takes_nothing_from_a_period_that_is_paid(life: Life) -> None:
    """It has read that the period is not paid, and begins grace or hold afterwards."""
    life.pass_to(FEBRUARY - HOUR)
    seen_before = Subscription.objects.get()
    period = Period.objects.get(number=2)
    life.pass_to(FEBRUARY + HOUR)

    overdue._start_grace(seen_before, period, FEBRUARY + 7 * DAY)  # noqa: SLF001 -- the test needs this step alone
    overdue._start_hold(seen_before, period)  # noqa: SLF001 -- the same
    period.grace_until = FEBRUARY
    overdue._leave_grace(seen_before, period, FEBRUARY + HOUR, is_fault=True)  # noqa: SLF001 -- the same

    period.refresh_from_db()
    assert (period.state, period.usable_until, period.buckets.count()) == ("paid", MARCH, 1)
    assert Subscription.objects.get().state == SubscriptionState.ACTIVE


def test_what_was_put_on_hold_meanwhile_is_not_charged(refused: Life) -> None:
    refused.pass_to(FEBRUARY + HOUR)
    seen_before, period = Subscription.objects.get(), Period.objects.get(number=2)
    refused.pass_to(FEBRUARY + 8 * DAY)

    paid = Period.objects.get(number=1)
    assert not renewing._decide_to_charge(seen_before, paid, period)  # noqa: SLF001 -- the test needs this step alone
    assert Subscription.objects.get().decided_number == 1


def test_an_undo_and_the_end_at_the_same_moment_leave_one_of_two_results(alice: User) -> None:
    with living(alice, *[GOOD] * 5) as life:
        life.pass_to(FEBRUARY - HOUR)
        for subscription in life.subscriptions:
            cancelling.cancel(subscription)
        life.work()
        life.clock.move_to(FEBRUARY, tick=False)
        kept = set()
        for subscription in life.subscriptions:

            def undo(subscription: Subscription = subscription) -> None:
                cancelling.undo(Subscription.objects.get(pk=subscription.pk))

            def end(subscription: Subscription = subscription) -> None:
                process(subscription)

            found = both(undo, end)
            if not any(isinstance(one, NotRenewing) for one in found):
                kept.add(subscription.reference)
        life.pass_to(FEBRUARY + DAY)

        for subscription in Subscription.objects.all():
            is_kept = subscription.reference in kept
            state = SubscriptionState.ACTIVE if is_kept else SubscriptionState.ENDED
            assert subscription.state == state
        captured = [one.reference for one in life.books.entries if one.status == "captured"]
        assert sorted(captured) == sorted(f"{reference}-2" for reference in kept)


@pytest.mark.parametrize("days", [1, 30])
def test_another_card_during_a_try_or_at_the_end_pays_once_or_not_at_all(
    refused: Life, days: int
) -> None:
    [subscription] = refused.subscriptions
    refused.pass_to(FEBRUARY + days * DAY - HOUR)
    refused.clock.move_to(FEBRUARY + days * DAY, tick=False)
    mandate = agree(refused.keep(BankCard("another")), purpose="R0 again")

    def pay_with() -> None:
        cancelling.pay_with(Subscription.objects.get(), mandate)

    def try_again() -> None:
        process(subscription)

    found = both(pay_with, try_again)
    refused.pass_to(FEBRUARY + days * DAY + HOUR)

    has_ended = any(isinstance(one, NotRenewing) for one in found)
    subscription.refresh_from_db()
    expected = SubscriptionState.ENDED if has_ended else SubscriptionState.ACTIVE
    assert subscription.state == expected
    assert statuses(refused).count("captured") == int(not has_ended)


def test_a_card_chosen_at_the_last_moment_keeps_the_plan(refused: Life) -> None:
    """The customer chooses it while a worker ends the plan."""
    refused.pass_to(FEBRUARY + 29 * DAY)
    seen_before = Subscription.objects.get()
    paid, coming = paid_and_coming(seen_before)
    mandate = agree(refused.keep(BankCard("another")), purpose="R0 again")
    cancelling.pay_with(Subscription.objects.get(), mandate)

    overdue._end(seen_before, paid, coming, Free())  # noqa: SLF001 -- the test needs this step alone
    refused.work()

    assert paying.live_attempt(Period.objects.latest("number"))
    assert Subscription.objects.get().state == SubscriptionState.ACTIVE


def test_what_has_ended_meanwhile_takes_no_other_method(life: Life) -> None:
    Subscription.objects.update(mandate=None)
    lifecycle.end(Subscription.objects.get())
    life.work()
    mandate = agree(life.keep(BankCard("another")), purpose="R0")

    with pytest.raises(NotRenewing):
        cancelling.pay_with(Subscription.objects.get(), mandate)


def test_an_attempt_is_closed_once(refused: Life) -> None:
    refused.pass_to(FEBRUARY + HOUR)

    paying.close(Attempt.objects.get())

    told = AccountMessage.objects.filter(occasion="renewal_refused")
    assert told.count() == 1
