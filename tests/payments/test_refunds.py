"""What is left of a charge is given back once, under a key of its own."""

import pytest

from accounts.models import User
from payments.domain import refunds, standing
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.models import Payment, Refund
from payments.states import NEXT_REFUND_STATES, PaymentState, RefundKind, RefundState
from tests.payments.conftest import authorise, capture, gateway_payments, make_payment
from tests.providers import break_it
from tests.races import at_once


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    """Return a payment of Alice's that was charged."""
    return capture(authorise(make_payment(alice)))


def refund(payment: Payment, reason: str = "goodwill") -> Payment:
    return refunds.refund_rest(
        payment, kind=RefundKind.ENDED, reason=reason, before_call=lambda: None
    )


def keys_sent(payment: Payment) -> list[str]:
    return list(payment.calls.filter(operation="refund").values_list("key", flat=True))


def refuse_refunds(patched: pytest.MonkeyPatch, error: Exception) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise error

    patched.setattr("payments.gateways.simulator.SimulatorGateway.refund", refused)


def test_a_refund_says_how_much_was_given_back_and_why(captured: Payment, gateway: str) -> None:
    payment = refund(captured)

    done = payment.refunds.get()
    assert (done.state, done.minor_units, done.reason) == (RefundState.DONE, 1900, "goodwill")
    assert done.ended_at is not None
    assert (payment.state, payment.refunded_minor_units) == (PaymentState.REFUNDED, 1900)
    assert keys_sent(payment) == [str(done.key)]
    assert gateway_payments(gateway) == [("refunded", 1900)]


def test_a_refund_whose_answer_was_lost_is_asked_again_under_its_key(
    captured: Payment, gateway: str
) -> None:
    break_it(gateway, "refund", "drop_after")
    with pytest.raises(GatewayUnavailable):
        refund(captured)
    assert captured.refunds.get().state == RefundState.ASKED

    refund(captured, reason="asked again")

    only = captured.refunds.get()
    assert (only.state, only.reason) == (RefundState.DONE, "goodwill")
    assert keys_sent(captured) == [str(only.key)] * 2
    assert gateway_payments(gateway) == [("refunded", 1900)]


def test_a_refused_refund_has_ended_and_the_next_one_has_a_new_key(
    captured: Payment, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refuse_refunds(patched, GatewayRefused("refund: too old"))
        with pytest.raises(GatewayRefused):
            refund(captured)
    refused = captured.refunds.get()
    assert (refused.state, refused.ended_at is not None) == (RefundState.FAILED, True)
    assert refused.last_error == "refund: too old"
    assert (captured.state, captured.refunded_minor_units) == (PaymentState.CAPTURED, 0)

    refund(captured)

    assert [one.state for one in captured.refunds.all()] == [RefundState.FAILED, RefundState.DONE]
    assert len(set(keys_sent(captured))) == 2


def test_a_worker_that_read_the_payment_too_early_opens_no_second_refund(
    captured: Payment, gateway: str
) -> None:
    read_before = Payment.objects.get(pk=captured.pk)
    refund(captured)

    assert refund(read_before).state == PaymentState.REFUNDED

    assert Refund.objects.count() == 1
    assert len(keys_sent(captured)) == 1


def test_a_payment_that_was_not_captured_has_nothing_to_refund(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))

    assert refund(payment).state == PaymentState.AUTHORISED

    assert not Refund.objects.exists()
    assert gateway_payments(gateway) == [("authorised", 1900)]


def test_a_long_reason_is_cut_to_the_length_of_its_column(captured: Payment) -> None:
    refund(captured, reason="x" * 300)

    assert captured.refunds.get().reason == "x" * 200


def test_a_worker_that_read_the_refund_too_early_counts_it_no_second_time(
    captured: Payment,
) -> None:
    payment = refund(captured)
    read_before = payment.refunds.get()
    read_before.state = RefundState.ASKED

    standing.end_refund(read_before, RefundState.DONE)

    payment.refresh_from_db()
    assert payment.refunded_minor_units == 1900


@pytest.mark.django_db(transaction=True)
def test_concurrent_refunds_of_one_payment_share_one_row(alice: User, gateway: str) -> None:
    payment = capture(authorise(make_payment(alice)))

    at_once(lambda: refund(Payment.objects.get(pk=payment.pk)), 4)

    assert payment.refunds.get().state == RefundState.DONE
    assert len(set(keys_sent(payment))) == 1
    assert gateway_payments(gateway) == [("refunded", 1900)]


def test_every_refund_state_has_its_successors() -> None:
    assert set(NEXT_REFUND_STATES) == set(RefundState)
