"""A refund and a dispute at once: they take turns, and the database holds what a guard forgets."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection

from accounts.models import User
from moportal.money import Money
from payments.domain import refunds
from payments.models import Payment, Refund
from payments.signals import dispute_opened
from payments.states import RefundKind
from tests.payments.conftest import authorise, capture, make_payment
from tests.payments.disputes import ask_about, disputed, open_dispute
from tests.races import at_once, wait_for_lock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    return capture(authorise(make_payment(alice)))


def ask(payment: Payment, actor: User, cents: int) -> Refund:
    fresh = Payment.objects.get(pk=payment.pk)
    return refunds.request_refund(
        fresh, Money(cents, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=actor
    )


def during_the_opening(action: Callable[[], Any], gateway: str, payment: Payment) -> Any:
    """Run the action in a thread that waits while a dispute of $7.00 is being stored."""
    with ThreadPoolExecutor(1) as threads:
        started: list[Future[Any]] = []

        def run() -> Any:
            try:
                return action()
            finally:
                connection.close()

        def begin(**_signal: Any) -> None:
            started.append(threads.submit(run))
            wait_for_lock()

        dispute_opened.connect(begin)
        try:
            disputed(gateway, payment, amount=700)
        finally:
            dispute_opened.disconnect(begin)
        return started[0].result(timeout=20)


def test_a_refund_that_waits_for_the_opening_of_a_dispute_is_refused(
    captured: Payment, gateway: str, clara: User
) -> None:
    with pytest.raises(refunds.DisputeOpen):
        during_the_opening(lambda: ask(captured, clara, 100), gateway, captured)

    assert not Refund.objects.exists()


def test_without_the_guard_the_database_refuses_the_refund(
    captured: Payment, gateway: str, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Payment, "is_disputed", False)

    with pytest.raises(IntegrityError, match="no_refund_begins_while_a_dispute_is_open"):
        during_the_opening(lambda: ask(captured, clara, 100), gateway, captured)

    assert not Refund.objects.exists()


@pytest.mark.parametrize("cents", [500, 1900])
def test_a_refund_and_a_dispute_at_once_never_exceed_the_charge(
    captured: Payment, gateway: str, clara: User, cents: int
) -> None:
    dispute_id = open_dispute(gateway, captured)
    actions: list[Callable[[], Any]] = [
        lambda: ask(captured, clara, cents),
        lambda: ask_about(dispute_id),
    ]

    def run() -> Any:
        return actions.pop()()

    results = at_once(run, 2)

    captured.refresh_from_db()
    assert captured.is_disputed
    is_refused = any(isinstance(one, refunds.DisputeOpen) for one in results)
    assert captured.refunding_minor_units == (0 if is_refused else cents)
    assert captured.lost_minor_units == 1900 - captured.refunding_minor_units
