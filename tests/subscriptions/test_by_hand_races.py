"""A customer pays an overdue month by hand at each moment of the portal's own try.

The worker tries on one connection. At one of its statements, the customer agrees to another card on
another one, and a second worker comes at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import IntegrityError, connection

from accounts.models import User
from outbox.domain import LeaseLost
from payments.gateways.base import Ability
from payments.models import Payment
from payments.states import Initiator
from subscriptions.domain import by_hand, cancelling, paying, renewing
from subscriptions.models import Attempt, Period, Subscription
from tests.constraints import without_constraint
from tests.orders.test_two_workers import Free
from tests.payments.conftest import agree
from tests.speeds import long
from tests.subscriptions.months.bank import Bank, BankCard
from tests.subscriptions.months.play import Life, living
from tests.subscriptions.months.stories import DAY, HOUR
from tests.subscriptions.test_cancel_races import Meanwhile, When, is_numbered
from tests.subscriptions.test_renewal_races import FEBRUARY, GOOD, SOLD, process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(0)]
CONSTRAINT = "one_open_or_captured_attempt_per_period"


@pytest.fixture(autouse=True)
def bank_with_step(in_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let customers confirm at the bank, which is in this process."""
    monkeypatch.setattr(Bank, "abilities", Bank.abilities | {Ability.BANK_STEP})


class PaysByHand(Meanwhile):
    """A customer who agrees to another card, for whom a second worker comes at once."""

    def __init__(self, life: Life, subscription: Subscription, when: When) -> None:
        super().__init__(subscription, when)
        self._life, self.has_begun = life, False

    def act(self, subscription: Subscription) -> None:
        self.has_begun = True
        card = self._life.keep(BankCard(f"by hand {subscription.reference}"))
        amount = Period.objects.filter(subscription=subscription).latest("number").price.gross
        by_hand.agree_to_pay(subscription, card, amount=amount, text="I agree.", language="en")
        process(subscription)


class Lost(Free):
    """The lease of a worker that stalls until the customer's worker has claimed the task."""

    def __init__(self, customer: PaysByHand) -> None:
        super().__init__()
        self._customer = customer

    def renew(self) -> None:
        """Keep the lease until then. Raises `LeaseLost` afterwards."""
        if self._customer.has_begun:
            raise LeaseLost


@contextmanager
def overdue(alice: User, plans: int) -> Iterator[Life]:
    """Let these plans be in grace. Each bank has refused once, and would approve the next try."""
    with living(alice, *[GOOD] * plans) as life:
        for number, subscription in enumerate(life.subscriptions):
            card = life.keep(BankCard(f"own {number}", bad=((SOLD, FEBRUARY),)))
            cancelling.pay_with(subscription, agree(card, purpose=subscription.reference))
        life.pass_to(FEBRUARY + DAY - HOUR)
        life.clock.move_to(FEBRUARY + DAY, tick=False)
        yield life


@contextmanager
def as_a_stalled_worker() -> Iterator[None]:
    """Let the handler end as `outbox.domain.process` does, when the lease is lost.

    The worker notices that before a call. Before that, only the constraint keeps it from a second
    payment. Whatever the handler raises, a worker without its lease changes nothing of the task.
    """
    try:
        yield
    except LeaseLost:
        pass
    except IntegrityError as error:
        if CONSTRAINT not in str(error):
            raise


def try_once(life: Life, subscription: Subscription, when: When) -> bool:
    """Let a worker try. Return whether the customer has paid by hand meanwhile."""
    customer = PaysByHand(life, subscription, when)
    try:
        with connection.execute_wrapper(customer), as_a_stalled_worker():
            renewing.process(str(subscription.pk), Lost(customer))
    finally:
        customer.wait()
    return customer.has_begun


def charged(life: Life, subscription: Subscription) -> list[str]:
    """Return the cards that were charged for the plan."""
    own = f"{subscription.reference}-"
    kept = [one for one in life.books.entries if one.captured_at and not one.refunded]
    return [one.token.rpartition(" ")[0] for one in kept if one.reference.startswith(own)]


@pytest.mark.parametrize(("plans", "step"), [(8, 9), long(36, 2)], ids=["few", "many"])
def test_a_payment_by_hand_at_any_statement_of_a_try_leaves_one_charge(
    alice: User, plans: int, step: int
) -> None:
    with overdue(alice, plans) as life:
        statement = 1
        for subscription in life.subscriptions:
            was_in_time = try_once(life, subscription, partial(is_numbered, statement))
            statement = statement + step if was_in_time else 1
        life.pass_to(FEBRUARY + DAY + HOUR)

        found = [charged(life, subscription) for subscription in life.subscriptions]
        assert sorted({tuple(cards) for cards in found}) == [("by hand",), ("own",)]
        assert not [one for one in life.books.entries if one.status == "authorised"]
        assert {one.state for one in Subscription.objects.all()} == {"active"}
        captured = Payment.objects.filter(state="captured")
        assert {one.initiator for one in captured} == {Initiator.CUSTOMER, Initiator.OPERATOR}


def is_capture(_number: int, sql: str) -> bool:
    changes = sql.partition(" WHERE ")[0]
    return changes.startswith('UPDATE "payments_payment"') and "captured_at" in changes


def own_attempt(period: Period) -> Attempt | None:
    """Return the payment with the method that this worker has read, and no other one."""
    mandate = period.subscription.mandate
    assert mandate is not None
    own = period.attempts.filter(is_live=True, payment__method=mandate.method_id)
    attempt = own.select_related("payment__method").first()
    if attempt is not None:
        attempt.period = period
    return attempt


def test_workers_that_know_only_their_own_payment_would_charge_twice(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_all = partial(Attempt.objects.update, is_live=False)
    with overdue(alice, 1) as life, without_constraint(Attempt, CONSTRAINT, mend=close_all):
        [subscription] = life.subscriptions
        monkeypatch.setattr(paying, "live_attempt", own_attempt)

        assert try_once(life, subscription, is_capture)
        assert charged(life, subscription) == ["own", "by hand"]


def test_a_payment_by_hand_takes_the_place_of_a_charge_that_is_not_stored_yet(alice: User) -> None:
    with overdue(alice, 1) as life:
        [subscription] = life.subscriptions

        assert try_once(life, subscription, is_capture)
        life.pass_to(FEBRUARY + DAY + HOUR)
        assert charged(life, subscription) == ["by hand"]
        assert not [one for one in life.books.entries if one.status == "authorised"]
