"""Refunds at the desk: a part with amount and reason, and the cases of those that failed."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from payments.domain import refunds
from payments.domain.receipts import issue_receipt
from payments.gateways.simulator import SimulatorGateway
from payments.models import Payment, Receipt, Refund
from payments.states import RefundKind, RefundState
from tests.payments.conftest import authorise, capture, make_payment, sale_of
from tests.processing import process_task

NO_REFUND = "4000000000005126"
PAYMENTS, REFUNDS = "/admin/payments/payment/", "/admin/payments/refund/"


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    payment = capture(authorise(make_payment(alice)))
    issue_receipt(payment, sale_of(payment), at=now())
    return payment


@pytest.fixture
def failed(alice: User, gateway: str, clara: User) -> Refund:
    """Return a refund that the bank could not give back."""
    payment = capture(authorise(make_payment(alice, NO_REFUND)))
    row = refunds.request_refund(
        payment, Money(500, "USD"), kind=RefundKind.GOODWILL, reason="slow", actor=clara
    )
    process_task(refunds.KIND, row.pk)
    row.refresh_from_db()
    return row


def refund_part(desk: Client, *payments: Payment, **typed: str) -> tuple[str, list[str]]:
    """Post the action, and return the page and what it tells."""
    action = {"action": "refund_part", "_selected_action": [one.pk for one in payments]}
    answer = desk.post(PAYMENTS, {**action, **typed})
    return answer.text, [str(told) for told in get_messages(answer.wsgi_request)]


def test_the_payment_names_its_receipt(captured: Payment, desk: Client) -> None:
    page = desk.get(f"{PAYMENTS}{captured.pk}/change/").text

    assert str(Receipt.objects.get()) in page


def test_staff_refund_a_part_with_amount_and_reason(
    captured: Payment, desk: Client, clara: User
) -> None:
    asked, _told = refund_part(desk, captured)
    assert "Can still be refunded: $19.00." in asked
    assert not Refund.objects.exists()

    _page, told = refund_part(desk, captured, amount="5.00", because="a slow network")

    row = Refund.objects.get()
    assert told == ["The money is being refunded."]
    assert (row.amount, row.kind, row.asked_by) == (Money(500, "USD"), RefundKind.GOODWILL, clara)
    process_task(refunds.KIND, row.pk)
    shown = desk.get(f"{PAYMENTS}{captured.pk}/change/").text
    assert "a slow network" in shown
    assert str(Refund.objects.get().credit_note) in shown


@pytest.mark.parametrize("amount", ["5.001", "-1", "five", ""])
def test_an_amount_that_is_none_is_asked_for_again(
    captured: Payment, desk: Client, amount: str
) -> None:
    page, _told = refund_part(desk, captured, amount=amount, because="x")

    assert "errorlist" in page
    assert not Refund.objects.exists()


@pytest.mark.parametrize("amount", ["19.01", "0"])
def test_more_than_is_left_is_refused(captured: Payment, desk: Client, amount: str) -> None:
    _page, told = refund_part(desk, captured, amount=amount, because="x")

    assert told == ["Nothing, or less than this, is left to refund."]


def test_a_second_click_is_told(captured: Payment, desk: Client) -> None:
    refund_part(desk, captured, amount="5", because="x")

    _page, told = refund_part(desk, captured, amount="5", because="x")

    assert told[-1] == "A refund of this kind is already in progress."


def test_a_gateway_without_parts_is_told(
    captured: Payment, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())

    _page, told = refund_part(desk, captured, amount="5", because="x")

    assert told == ["This gateway refunds whole charges only."]


def test_one_payment_at_a_time_is_refunded(captured: Payment, alice: User, desk: Client) -> None:
    _page, told = refund_part(desk, captured, make_payment(alice), amount="5", because="x")

    assert told == ["Choose one payment."]


def test_staff_find_a_failed_refund_and_ask_again(failed: Refund, desk: Client) -> None:
    assert "account_closed" in desk.get(f"{REFUNDS}?staff=1").text
    action = {"action": "retry", "_selected_action": [failed.pk]}

    desk.post(REFUNDS, action)
    told = [str(one) for one in get_messages(desk.post(REFUNDS, action).wsgi_request)]

    assert Refund.objects.filter(state=RefundState.ASKED).count() == 1
    assert "account_closed" not in desk.get(f"{REFUNDS}?staff=1").text
    assert told[-1] == "Nothing, or less than this, is left to refund."


def test_staff_settle_a_failed_refund(failed: Refund, desk: Client) -> None:
    desk.post(REFUNDS, {"action": "mark_settled", "_selected_action": [failed.pk]})

    failed.refresh_from_db()
    assert failed.settled_at is not None
    assert "account_closed" not in desk.get(f"{REFUNDS}?staff=1").text
