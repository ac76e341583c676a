"""A part of an order's charge is given back: the customer keeps the plan, and is told once."""

import pytest
from django.test import Client

from accounts.models import User
from messages.models import Message
from messages.states import Occasion
from moportal.money import Money
from orders.domain import returning
from orders.models import Order
from payments.domain import refunds
from payments.models import Refund
from payments.states import PaymentState, RefundKind
from subscriptions.states import SubscriptionState
from tests.builders import payment_of
from tests.orders.conftest import settled
from tests.processing import process_task
from tests.providers import books


@pytest.fixture
def sold(placed: Order) -> Order:
    return settled(placed)


def refund_part(order: Order, clara: User, cents: int = 500) -> Refund:
    row = refunds.request_refund(
        payment_of(order), Money(cents, "USD"), kind=RefundKind.GOODWILL, reason="slow", actor=clara
    )
    for _ in range(2):
        process_task(refunds.KIND, row.pk)
    row.refresh_from_db()
    return row


def test_the_customer_keeps_the_plan_and_is_told_once(sold: Order, clara: User) -> None:
    row = refund_part(sold, clara)

    assert sold.subscription is not None
    assert sold.subscription.state == SubscriptionState.ACTIVE
    told = Message.objects.get(occasion=Occasion.PART_REFUNDED)
    assert told.context["credit_note"] == str(row.credit_note)


def test_each_part_is_told(sold: Order, clara: User) -> None:
    for cents in (500, 300):
        refund_part(sold, clara, cents)

    assert Message.objects.filter(occasion=Occasion.PART_REFUNDED).count() == 2


def test_an_order_that_is_taken_back_after_a_part_gives_back_the_rest(
    sold: Order, clara: User, gateway: str
) -> None:
    refund_part(sold, clara)

    order_return = returning.request_return(sold, actor=clara, because="changed their mind")
    process_task("return", order_return.pk)

    payment_of(sold).refresh_from_db()
    assert payment_of(sold).state == PaymentState.REFUNDED
    assert [(one.kind, one.minor_units) for one in payment_of(sold).refunds.all()] == [
        (RefundKind.GOODWILL, 500),
        (RefundKind.ENDED, 1400),
    ]
    assert [payment["refunded"] for payment in books(gateway)["payments"]] == [1900]
    assert Message.objects.filter(occasion=Occasion.PART_REFUNDED).count() == 1
    assert Message.objects.filter(occasion=Occasion.ORDER_REFUNDED).count() == 1


def test_the_order_and_the_account_lead_to_the_documents(
    as_alice: Client, sold: Order, clara: User
) -> None:
    page = f"/orders/{sold.number}/"
    receipt = f'href="/account/receipts/{payment_of(sold).receipt}/'
    assert receipt in as_alice.get(page).text
    assert receipt in as_alice.get("/account/").text
    assert "credit-notes" not in as_alice.get(page).text

    note = refund_part(sold, clara).credit_note
    assert f'href="/account/credit-notes/{note}/' in as_alice.get(page).text

    order_return = returning.request_return(sold, actor=clara, because="changed their mind")
    process_task("return", order_return.pk)
    over = as_alice.get(page).text
    assert receipt in over
    assert over.count("/account/credit-notes/") == len(["goodwill", "the rest"])
