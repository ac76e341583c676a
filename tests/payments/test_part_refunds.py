"""Refunds in parts: any number, never beyond the charge, each with key, kind and credit note."""

from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import payments as domain
from payments.domain import refunds
from payments.domain.receipts import issue_receipt
from payments.gateways.base import Ability, GatewayRefused, NotOffered
from payments.gateways.simulator import SimulatorGateway
from payments.models import CreditNote, Payment, Refund
from payments.states import PaymentState, RefundKind, RefundState
from tests.payments.conftest import authorise, capture, gateway_payments, make_payment, sale_of
from tests.processing import process_task
from tests.providers import books, break_it
from tests.races import at_once

SLOW_REFUND, NO_REFUND = "4000000000007726", "4000000000005126"


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    """Return a payment of Alice's over $19.00 that was charged and has a receipt."""
    payment = capture(authorise(make_payment(alice)))
    issue_receipt(payment, sale_of(payment), at=now())
    return payment


def ask(
    payment: Payment, clara: User, cents: int, kind: RefundKind = RefundKind.GOODWILL
) -> Refund:
    return refunds.request_refund(
        payment, Money(cents, "USD"), kind=kind, reason="a slow network", actor=clara
    )


def processed(row: Refund) -> RetryAfter | None:
    again = process_task(refunds.KIND, row.pk)
    row.refresh_from_db()
    row.payment.refresh_from_db()
    return again


def given_back(gateway: str) -> list[int]:
    return [payment["refunded"] for payment in books(gateway)["payments"]]


def counts(payment: Payment) -> tuple[str, int, int]:
    payment.refresh_from_db()
    return payment.state, payment.refunded_minor_units, payment.refunding_minor_units


def test_a_part_is_a_row_before_it_is_a_call(captured: Payment, clara: User, gateway: str) -> None:
    row = ask(captured, clara, 500)

    assert (row.kind, row.reason, row.asked_by) == (RefundKind.GOODWILL, "a slow network", clara)
    assert counts(captured) == (PaymentState.CAPTURED, 0, 500)
    assert captured.left == Money(1400, "USD")
    assert given_back(gateway) == [0]


def test_a_part_is_given_back_and_has_its_credit_note(
    captured: Payment, clara: User, gateway: str
) -> None:
    row = ask(captured, clara, 500)

    assert processed(row) is None

    assert (row.state, bool(row.gateway_id)) == (RefundState.DONE, True)
    assert counts(captured) == (PaymentState.CAPTURED, 500, 0)
    assert str(row.credit_note) == f"C{now().year}-000001"
    assert given_back(gateway) == [500]


def test_parts_add_up_to_the_charge_and_never_beyond_it(
    captured: Payment, clara: User, gateway: str
) -> None:
    for cents in (500, 500, 900):
        processed(ask(captured, clara, cents))

    assert counts(captured) == (PaymentState.REFUNDED, 1900, 0)
    with pytest.raises(refunds.NothingToRefund):
        ask(captured, clara, 1)
    assert gateway_payments(gateway) == [("refunded", 1900)]
    assert [note.number for note in CreditNote.objects.order_by("number")] == [1, 2, 3]


@pytest.mark.parametrize("amount", [Money(1401, "USD"), Money(0, "USD"), Money(500, "EUR")])
def test_open_refunds_count_and_a_wrong_amount_is_refused(
    captured: Payment, clara: User, amount: Money
) -> None:
    ask(captured, clara, 500, RefundKind.SHORTENED)

    with pytest.raises(refunds.NothingToRefund):
        refunds.request_refund(captured, amount, kind=RefundKind.GOODWILL, reason="x", actor=clara)


def test_a_second_click_makes_no_second_refund(captured: Payment, clara: User) -> None:
    ask(captured, clara, 500)

    with pytest.raises(refunds.RefundUnderWay):
        ask(captured, clara, 500)

    assert Refund.objects.count() == 1


def test_what_is_not_charged_cannot_be_refunded(alice: User, clara: User, gateway: str) -> None:
    with pytest.raises(refunds.NothingToRefund):
        ask(authorise(make_payment(alice)), clara, 500)


def test_a_gateway_that_knows_no_parts_is_asked_for_the_whole_alone(
    captured: Payment, clara: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = SimulatorGateway.abilities - {Ability.PART_REFUNDS}
    monkeypatch.setattr(SimulatorGateway, "abilities", able)

    with pytest.raises(NotOffered):
        ask(captured, clara, 500)
    processed(ask(captured, clara, 1900))

    assert counts(captured) == (PaymentState.REFUNDED, 1900, 0)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "malformed"])
def test_a_part_whose_answer_was_lost_is_given_back_once(
    captured: Payment, clara: User, gateway: str, fault: str
) -> None:
    row = ask(captured, clara, 500)
    break_it(gateway, "refund", fault)

    assert processed(row) is not None
    assert (row.state, row.tries) == (RefundState.ASKED, 1)
    processed(row)
    processed(row)

    assert row.state == RefundState.DONE
    assert given_back(gateway) == [500]


@pytest.mark.parametrize(("fault", "calls"), [("drop_after", 1), ("drop_before", 2)])
def test_a_part_is_searched_for_once_its_key_may_be_forgotten(
    captured: Payment, clara: User, gateway: str, fault: str, calls: int
) -> None:
    row = ask(captured, clara, 500)
    break_it(gateway, "refund", fault)
    processed(row)
    httpx.post(f"{gateway}/keys/forget", json={}, trust_env=False)
    Refund.objects.update(asked_at=now() - timedelta(hours=72))

    processed(row)

    assert row.state == RefundState.DONE
    assert given_back(gateway) == [500]
    assert captured.calls.filter(operation="find_refund").count() == 1
    assert captured.calls.filter(operation="refund").count() == calls


def end_at_the_bank(gateway: str, row: Refund, status: str) -> None:
    path = f"{gateway}/refunds/{row.gateway_id}/end"
    httpx.post(path, json={"status": status}, trust_env=False).raise_for_status()


@pytest.mark.parametrize(("state", "refunded"), [(RefundState.DONE, 500), (RefundState.FAILED, 0)])
def test_a_refund_that_the_bank_decides_about_later_is_asked_about(
    alice: User, clara: User, gateway: str, state: RefundState, refunded: int
) -> None:
    payment = capture(authorise(make_payment(alice, SLOW_REFUND)))
    row = ask(payment, clara, 500)
    for _ in range(2):
        assert processed(row) == RetryAfter(refunds.PENDING_INTERVAL)
    assert counts(payment) == (PaymentState.CAPTURED, 0, 500)

    end_at_the_bank(gateway, row, state.value)
    assert processed(row) is None

    assert row.state == state
    assert counts(payment) == (PaymentState.CAPTURED, refunded, 0)
    assert payment.calls.filter(operation="refund").count() == 1


def test_a_whole_refund_that_is_pending_goes_on_by_itself(alice: User, gateway: str) -> None:
    payment = capture(authorise(make_payment(alice, SLOW_REFUND)))

    refunds.refund_rest(payment, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)

    row = payment.refunds.get()
    assert Task.objects.get(kind=refunds.KIND).subject == str(row.pk)
    end_at_the_bank(gateway, row, "done")
    processed(row)
    assert counts(payment) == (PaymentState.REFUNDED, 1900, 0)
    assert not CreditNote.objects.exists()


def test_the_rest_is_given_back_beside_an_open_part(
    captured: Payment, clara: User, gateway: str
) -> None:
    part = ask(captured, clara, 500)

    refunds.refund_rest(captured, kind=RefundKind.ENDED, reason="x", before_call=lambda: None)
    assert counts(captured) == (PaymentState.CAPTURED, 1400, 500)
    processed(part)

    assert counts(captured) == (PaymentState.REFUNDED, 1900, 0)
    assert gateway_payments(gateway) == [("refunded", 1900)]


def test_a_failed_refund_is_a_case_for_staff_and_its_amount_is_left_again(
    alice: User, clara: User, gateway: str
) -> None:
    payment = capture(authorise(make_payment(alice, NO_REFUND)))
    row = ask(payment, clara, 500)

    assert processed(row) is None

    assert (row.state, row.last_error) == (RefundState.FAILED, "account_closed")
    assert list(refunds.failed_refunds()) == [row]
    assert counts(payment) == (PaymentState.CAPTURED, 0, 0)


def test_a_later_refund_of_the_same_kind_closes_the_case(
    alice: User, clara: User, gateway: str
) -> None:
    payment = capture(authorise(make_payment(alice, NO_REFUND)))
    row = ask(payment, clara, 500)
    processed(row)

    again = refunds.retry(row, actor=clara)

    assert again.key != row.key
    assert (again.minor_units, again.kind, again.reason) == (500, row.kind, row.reason)
    assert not refunds.failed_refunds().exists()
    with pytest.raises(refunds.NothingToRefund):
        refunds.retry(row, actor=clara)


def test_staff_settle_a_case_themselves(alice: User, clara: User, gateway: str) -> None:
    row = ask(capture(authorise(make_payment(alice, NO_REFUND))), clara, 500)
    processed(row)

    refunds.mark_settled(row)

    row.refresh_from_db()
    assert row.settled_at is not None
    assert not refunds.failed_refunds().exists()


def test_a_refusal_of_a_part_is_a_case(
    captured: Payment, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("x" * 300)

    row = ask(captured, clara, 500)
    monkeypatch.setattr(SimulatorGateway, "refund", refused)

    processed(row)

    assert (row.state, row.last_error) == (RefundState.FAILED, "x" * 200)


def test_a_charge_that_was_given_back_elsewhere_leaves_nothing_open(
    captured: Payment, clara: User, gateway: str
) -> None:
    first, second = ask(captured, clara, 500), ask(captured, clara, 300, RefundKind.SHORTENED)
    SimulatorGateway().refund(captured.gateway_id, Money(1900, "USD"), key="elsewhere")

    processed(first)

    second.refresh_from_db()
    assert (first.state, second.state) == (RefundState.DONE, RefundState.DONE)
    assert counts(captured) == (PaymentState.REFUNDED, 1900, 0)


def test_an_event_of_the_gateway_wakes_the_open_refunds(captured: Payment, clara: User) -> None:
    row = ask(captured, clara, 500)
    Task.objects.all().delete()

    refunds.enqueue_open(captured)

    assert Task.objects.get().subject == str(row.pk)


@pytest.mark.django_db(transaction=True)
def test_concurrent_parts_never_exceed_the_charge(alice: User, clara: User, gateway: str) -> None:
    payment = capture(authorise(make_payment(alice)))
    kinds = [RefundKind.GOODWILL, RefundKind.SHORTENED, RefundKind.ONE_PERIOD]

    def ask_and_process() -> None:
        try:
            row = ask(payment, clara, 900, kinds.pop())
        except refunds.NothingToRefund:
            return
        refunds.send(row, before_call=lambda: None)

    at_once(ask_and_process, 3)

    assert counts(payment) == (PaymentState.CAPTURED, 1800, 0)
    assert given_back(gateway) == [1800]


def test_an_unanswered_refund_is_not_given_up(captured: Payment, clara: User, gateway: str) -> None:
    row = ask(captured, clara, 500)
    break_it(gateway, "refund", "http_500", times=3)

    for _ in range(3):
        assert processed(row) is not None

    assert (row.state, row.tries) == (RefundState.ASKED, 3)


def test_an_undo_that_the_bank_refuses_counts_as_refused(alice: User, gateway: str) -> None:
    payment = capture(authorise(make_payment(alice, NO_REFUND)))
    assert not domain.was_last_refused(payment)

    with pytest.raises(GatewayRefused, match="account_closed"):
        domain.void_or_refund(payment, reason="order failed", before_call=lambda: None)

    assert domain.was_last_refused(payment)
    assert payment.calls.latest("pk").outcome == "answered"
    assert payment.refunds.get().kind == RefundKind.UNDONE
