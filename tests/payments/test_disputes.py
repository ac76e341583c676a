"""Disputes: asked of the gateway after an event, counted, announced, never beyond the charge."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from moportal.money import Money
from outbox.domain import Lease, LeaseLost, RetryAfter
from outbox.models import Task
from payments.domain import disputes, refunds
from payments.domain.subjects import UNKNOWN_FOR, UNKNOWN_INTERVAL
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.gateways.simulator_disputes import parse_dispute
from payments.models import Dispute, GatewayCall, Payment, WebhookEvent
from payments.signals import dispute_answered, dispute_lost, dispute_opened, dispute_won
from payments.states import (
    NEXT_DISPUTE_STATES,
    DisputeKind,
    DisputeState,
    PaymentState,
    RefundKind,
    RefundState,
)
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.payments.conftest import authorise, capture, make_payment
from tests.payments.disputes import ask_about, decide, disputed, open_dispute, post
from tests.processing import process_task

SECRET = "the gateway's and ours"
SIGNALS = {
    "opened": dispute_opened,
    "answered": dispute_answered,
    "won": dispute_won,
    "lost": dispute_lost,
}


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    """Return a payment of Alice's over $19.00 that was charged."""
    return capture(authorise(make_payment(alice)))


@pytest.fixture
def announced() -> Iterator[list[str]]:
    """Collect what is announced about disputes, by its name."""
    heard: list[str] = []
    receivers = {name: (lambda name=name, **_more: heard.append(name)) for name in SIGNALS}
    for name, signal in SIGNALS.items():
        signal.connect(receivers[name])
    yield heard
    for name, signal in SIGNALS.items():
        signal.disconnect(receivers[name])


def lost(payment: Payment) -> tuple[int, bool]:
    """Return what the payment has lost, and whether it is disputed."""
    payment.refresh_from_db()
    return payment.lost_minor_units, payment.is_disputed


def event(payment: Payment, dispute_id: str, identifier: str = "evt_1") -> str:
    reported = {
        "id": payment.gateway_id,
        "reference": payment.reference,
        "status": payment.state,
    }
    return json.dumps({"id": identifier, "payment": reported, "dispute": {"id": dispute_id}})


def send(body: str) -> int:
    header = signed(body, SECRET, at=int(now().timestamp()))
    answer = Client().post(
        "/payments/webhook",
        body,
        content_type="application/json",
        headers={SIGNATURE_HEADER: header},
    )
    return answer.status_code


def test_an_event_wakes_a_worker_which_asks_the_gateway(
    captured: Payment, gateway: str, settings: Settings, announced: list[str]
) -> None:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    dispute_id = open_dispute(gateway, captured, reason="product_not_received")

    assert [send(event(captured, dispute_id)) for _ in range(2)] == [204, 204]
    assert not Dispute.objects.exists()
    stored = WebhookEvent.objects.get()
    assert (stored.subject, stored.subject_id) == ("dispute", dispute_id)
    process_task(disputes.KIND, f"simulator:{dispute_id}")

    row = Dispute.objects.get()
    assert (row.payment, row.kind, row.state) == (
        captured,
        DisputeKind.DISPUTE,
        DisputeState.OPENED,
    )
    assert (row.amount, row.fee, row.reason) == (
        Money(1900, "USD"),
        Money(1500, "USD"),
        "product_not_received",
    )
    assert not row.is_fraud
    assert row.due_at is not None
    assert lost(captured) == (1900, True)
    assert announced == ["opened"]


def test_what_was_taken_comes_back_when_the_dispute_is_won(
    captured: Payment, gateway: str, announced: list[str]
) -> None:
    row = disputed(gateway, captured)

    decide(gateway, row.gateway_id, "under_review")
    ask_about(row.gateway_id)
    assert lost(captured) == (1900, True)
    decide(gateway, row.gateway_id, "won")
    ask_about(row.gateway_id)

    row.refresh_from_db()
    assert (row.state, row.taken_minor_units, row.ended_at is None) == ("won", 0, False)
    assert lost(captured) == (0, False)
    assert announced == ["opened", "answered", "won"]


def test_what_was_taken_is_gone_when_the_dispute_is_lost(
    captured: Payment, gateway: str, announced: list[str]
) -> None:
    row = disputed(gateway, captured)

    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    ask_about(row.gateway_id)

    row.refresh_from_db()
    assert (row.state, row.counted_minor_units) == (DisputeState.LOST, 1900)
    assert lost(captured) == (1900, False)
    assert captured.left == Money(0, "USD")
    assert announced == ["opened", "lost"]


def test_a_dispute_that_is_opened_again_takes_its_money_again(
    captured: Payment, gateway: str, announced: list[str]
) -> None:
    row = disputed(gateway, captured)
    for status in ("won", "under_review", "lost"):
        decide(gateway, row.gateway_id, status)
        ask_about(row.gateway_id)

    assert announced == ["opened", "won", "opened", "answered", "lost"]
    assert lost(captured) == (1900, False)


def test_an_inquiry_takes_nothing_and_lets_refunds_be_made(
    captured: Payment, gateway: str, clara: User, announced: list[str]
) -> None:
    row = disputed(gateway, captured, kind="inquiry")
    assert lost(captured) == (0, False)

    part = refunds.request_refund(
        captured, Money(500, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=clara
    )
    process_task(refunds.KIND, part.pk)
    decide(gateway, row.gateway_id, "won")
    ask_about(row.gateway_id)

    part.refresh_from_db()
    assert part.state == RefundState.DONE
    assert announced == ["opened", "won"]


def test_an_inquiry_that_becomes_a_dispute_is_announced_again(
    captured: Payment, gateway: str, announced: list[str]
) -> None:
    row = disputed(gateway, captured, kind="inquiry")

    decide(gateway, row.gateway_id, "dispute")
    ask_about(row.gateway_id)

    row.refresh_from_db()
    assert (row.kind, row.state) == (DisputeKind.DISPUTE, DisputeState.OPENED)
    assert announced == ["opened", "opened"]
    assert lost(captured) == (1900, True)


def test_a_part_is_disputed_and_the_rest_can_be_refunded_afterwards(
    captured: Payment, gateway: str
) -> None:
    row = disputed(gateway, captured, amount=700)
    assert lost(captured) == (700, True)
    assert captured.left == Money(0, "USD")

    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)

    assert lost(captured) == (700, False)
    assert captured.left == Money(1200, "USD")


def test_two_disputes_of_one_payment_lose_no_more_than_the_charge(
    captured: Payment, gateway: str
) -> None:
    first, second = disputed(gateway, captured, amount=1000), disputed(gateway, captured)

    assert lost(captured) == (1900, True)
    second.refresh_from_db()
    assert (second.taken_minor_units, second.counted_minor_units) == (1900, 900)
    assert set(disputes.doubled()) == {second}

    decide(gateway, first.gateway_id, "won")
    ask_about(first.gateway_id)

    assert lost(captured) == (1900, True)
    assert not disputes.doubled().exists()


def test_a_charge_that_was_refunded_already_is_a_case_and_never_below_zero(
    captured: Payment, gateway: str
) -> None:
    refunds.refund_rest(captured, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)

    row = disputed(gateway, captured)

    assert lost(captured) == (0, True)
    assert captured.state == PaymentState.REFUNDED
    assert list(disputes.doubled()) == [row]
    disputes.mark_settled(row)
    assert not disputes.doubled().exists()


@pytest.mark.parametrize(("answered", "case"), [("done", 1), ("failed", 0)])
def test_a_refund_in_flight_when_the_dispute_opens_is_a_case_unless_it_fails(
    alice: User, gateway: str, clara: User, answered: str, case: int
) -> None:
    payment = capture(authorise(make_payment(alice, "4000000000007726")))
    part = refunds.request_refund(
        payment, Money(500, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=clara
    )
    process_task(refunds.KIND, part.pk)

    row = disputed(gateway, payment, amount=1900)
    assert lost(payment) == (1400, True)
    assert list(disputes.doubled()) == [row]
    part.refresh_from_db()
    post(gateway, f"/refunds/{part.gateway_id}/end", status=answered)
    process_task(refunds.KIND, part.pk)

    assert lost(payment) == (1400 if case else 1900, True)
    assert disputes.doubled().count() == case


def test_a_refund_that_was_not_sent_when_the_dispute_opened_fails(
    captured: Payment, gateway: str, clara: User
) -> None:
    part = refunds.request_refund(
        captured, Money(500, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=clara
    )
    disputed(gateway, captured, amount=1900)

    process_task(refunds.KIND, part.pk)

    part.refresh_from_db()
    assert (part.state, part.last_error) == (
        RefundState.FAILED,
        "a dispute about the payment is open",
    )
    assert lost(captured) == (1900, True)
    assert captured.refunding_minor_units == captured.in_flight_minor_units == 0


def test_a_refund_whose_request_may_still_arrive_does_not_fail_yet(
    captured: Payment, gateway: str, clara: User
) -> None:
    part = refunds.request_refund(
        captured, Money(500, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=clara
    )
    GatewayCall.objects.create(payment=captured, operation="refund", key=str(part.key))
    disputed(gateway, captured, amount=1900)

    assert process_task(refunds.KIND, part.pk)
    part.refresh_from_db()
    assert (part.state, part.tries) == (RefundState.ASKED, 1)

    captured.calls.filter(operation="refund").update(sent_at=now() - refunds.MAY_STILL_ARRIVE)
    process_task(refunds.KIND, part.pk)
    part.refresh_from_db()
    assert part.state == RefundState.FAILED


def test_nothing_is_refunded_while_a_dispute_is_open(
    captured: Payment, gateway: str, clara: User
) -> None:
    row = disputed(gateway, captured, amount=700)

    with pytest.raises(refunds.DisputeOpen):
        refunds.request_refund(
            captured, Money(100, "USD"), kind=RefundKind.GOODWILL, reason="x", actor=clara
        )
    with pytest.raises(GatewayRefused):
        refunds.refund_rest(captured, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)
    assert not captured.refunds.exists()

    decide(gateway, row.gateway_id, "won")
    ask_about(row.gateway_id)
    refunds.refund_rest(captured, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)
    assert captured.state == PaymentState.REFUNDED


def test_a_dispute_before_the_stored_charge_learns_of_the_charge(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    stored = Payment.objects.get(pk=payment.pk)
    capture(payment)
    not_stored = {"state": PaymentState.AUTHORISED, "captured_at": None}
    Payment.objects.filter(pk=payment.pk).update(**not_stored)

    disputed(gateway, stored)

    stored.refresh_from_db()
    assert (stored.state, stored.lost_minor_units) == (PaymentState.CAPTURED, 1900)


def test_a_dispute_of_an_unknown_payment_changes_nothing(captured: Payment, gateway: str) -> None:
    dispute_id = open_dispute(gateway, captured)
    Payment.objects.update(gateway_id="another")

    assert ask_about(dispute_id) == RetryAfter(UNKNOWN_INTERVAL)
    GatewayCall.objects.update(sent_at=now() - 2 * UNKNOWN_FOR)
    assert ask_about(dispute_id) is None

    assert not Dispute.objects.exists()


@pytest.mark.django_db
def test_a_dispute_that_the_gateway_does_not_know_changes_nothing(gateway: str) -> None:
    assert ask_about("nothing") is None

    assert not Dispute.objects.exists()
    assert GatewayCall.objects.get().operation == "dispute"


def test_an_unknown_state_changes_nothing_and_is_asked_again(
    captured: Payment, gateway: str
) -> None:
    row = disputed(gateway, captured)

    decide(gateway, row.gateway_id, "prevented")
    again = ask_about(row.gateway_id)

    assert isinstance(again, RetryAfter)
    row.refresh_from_db()
    assert row.state == DisputeState.OPENED


def test_a_worker_that_lost_its_lease_stores_nothing(captured: Payment, gateway: str) -> None:
    dispute_id = open_dispute(gateway, captured)
    disputes.enqueue_dispute("simulator", dispute_id)
    lease = Lease(Task.objects.get(kind=disputes.KIND).pk, "another", renewed_at=now())

    with pytest.raises(LeaseLost):
        disputes.update_dispute(f"simulator:{dispute_id}", lease)

    assert not Dispute.objects.exists()


@pytest.mark.django_db
def test_an_id_that_is_too_long_is_not_asked_about() -> None:
    disputes.enqueue_dispute("simulator", "d" * 44)

    assert not Task.objects.exists()


def test_every_state_is_reached_by_a_path_of_the_table() -> None:
    for old in DisputeState:
        for new in DisputeState:
            at = old
            for state in disputes.path_between(old, new):
                assert state in NEXT_DISPUTE_STATES[at]
                at = state
            assert at == new


def test_books_in_another_currency_are_a_case(captured: Payment, gateway: str) -> None:
    row = disputed(gateway, captured)
    Payment.objects.update(currency="EUR")

    ask_about(row.gateway_id)

    assert lost(captured) == (0, True)
    assert list(disputes.doubled()) == [row]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "other"},
        {"status": "other"},
        {"payment": ""},
        {"taken": -1},
        {"amount": True},
        {"fee": "15"},
        {"currency": "XXX"},
    ],
)
def test_an_answer_that_is_none_is_asked_for_again(changes: dict[str, Any]) -> None:
    known = {"id": "d", "payment": "p", "kind": "dispute", "status": "won", "currency": "USD"}
    amounts = {"amount": 1, "taken": 0, "fee": 0}
    assert parse_dispute({**known, **amounts}).due_at is None

    with pytest.raises(GatewayUnavailable):
        parse_dispute({**known, **amounts, **changes})


def test_an_error_of_the_gateway_is_no_dispute(
    gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatorGateway, "_exchange", lambda *_given, **_more: (400, {}))

    with pytest.raises(GatewayUnavailable):
        SimulatorGateway().fetch_dispute("dis_1")
