"""Once a gateway may have forgotten a key, the portal searches before it sends again."""

from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now

from accounts.models import User
from payments.domain import payments as domain
from payments.gateways.base import GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.models import GatewayCall, Payment
from payments.states import PaymentState
from tests.payments.conftest import (
    CUSTOMER_STEP,
    REFUSED,
    authorise,
    capture,
    gateway_payments,
    make_payment,
)
from tests.providers import break_it

THREE_DAYS = timedelta(hours=72)


def void_or_refund(payment: Payment) -> Payment:
    return domain.void_or_refund(payment, reason="the order failed", before_call=lambda: None)


def wait_three_days(gateway: str, payment: Payment) -> None:
    """Let everything so far have happened three days ago. The gateway has forgotten its keys."""
    httpx.post(f"{gateway}/keys/forget", json={}, trust_env=False).raise_for_status()
    Payment.objects.filter(pk=payment.pk).update(created_at=now() - THREE_DAYS)
    GatewayCall.objects.update(sent_at=now() - THREE_DAYS)
    payment.refresh_from_db()


def lose_answer(gateway: str, payment: Payment, fault: str = "drop_after") -> None:
    """Let the authorisation's answer be lost, and three days pass."""
    break_it(gateway, "authorise", fault)
    with pytest.raises(GatewayUnavailable):
        authorise(payment)
    wait_three_days(gateway, payment)


def operations(payment: Payment) -> list[str]:
    return list(payment.calls.values_list("operation", flat=True))


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("4242424242424242", PaymentState.AUTHORISED),
        (REFUSED, PaymentState.DECLINED),
        (CUSTOMER_STEP, PaymentState.PENDING),
    ],
)
def test_an_authorisation_whose_answer_was_lost_is_found_and_not_sent_again(
    alice: User, gateway: str, number: str, state: PaymentState
) -> None:
    payment = make_payment(alice, number)
    payment.return_url = "http://127.0.0.1/back"
    payment.save()
    lose_answer(gateway, payment)

    assert authorise(payment).state == state

    assert len(gateway_payments(gateway)) == 1
    assert operations(payment) == ["authorise", "find"]


def test_what_is_not_found_never_arrived_and_is_sent(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    lose_answer(gateway, payment, "drop_before")

    assert authorise(payment).state == PaymentState.AUTHORISED

    assert operations(payment) == ["authorise", "find", "authorise"]
    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_an_undo_finds_the_authorisation_and_voids_it(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    lose_answer(gateway, payment)

    assert void_or_refund(payment).state == PaymentState.VOIDED

    assert operations(payment) == ["authorise", "find", "void"]
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_an_undo_of_what_never_arrived_sends_nothing(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    lose_answer(gateway, payment, "drop_before")

    assert void_or_refund(payment).state == PaymentState.VOIDED

    assert operations(payment) == ["authorise", "find"]
    assert gateway_payments(gateway) == []


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_a_capture_asks_first_and_charges_once(alice: User, gateway: str, fault: str) -> None:
    payment = authorise(make_payment(alice))
    break_it(gateway, "capture", fault)
    with pytest.raises(GatewayUnavailable):
        capture(payment)
    wait_three_days(gateway, payment)

    assert capture(payment).state == PaymentState.CAPTURED

    asked = {"drop_after": ["fetch"], "drop_before": ["fetch", "capture"]}[fault]
    assert operations(payment) == ["authorise", "capture", *asked]
    assert gateway_payments(gateway) == [("captured", 1900)]


def test_without_an_answer_to_the_search_nothing_is_sent(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_args: object, **_keywords: object) -> None:
        raise GatewayUnavailable("HTTP 503", was_sent=True)

    payment = make_payment(alice)
    lose_answer(gateway, payment)
    monkeypatch.setattr(SimulatorGateway, "find", no_answer)

    for act in (authorise, void_or_refund):
        with pytest.raises(GatewayUnavailable):
            act(payment)

    assert payment.state == PaymentState.INTENDED
    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_without_the_search_a_forgotten_key_would_authorise_twice(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show what the search prevents."""
    monkeypatch.setattr(SimulatorGateway, "remembers_keys_for", None)
    payment = make_payment(alice)
    lose_answer(gateway, payment)

    authorise(payment)

    assert gateway_payments(gateway) == [("authorised", 1900)] * 2


def test_a_payment_that_is_old_but_was_never_sent_is_sent(alice: User, gateway: str) -> None:
    payment = make_payment(alice)
    wait_three_days(gateway, payment)

    assert authorise(payment).state == PaymentState.AUTHORISED

    assert operations(payment) == ["authorise"]
