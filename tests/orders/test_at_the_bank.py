"""While the customer is at the bank, the order waits for up to half an hour."""

from datetime import timedelta

import httpx
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from orders.domain import waiting
from orders.models import Order
from orders.states import Failure, OrderState
from tests.builders import make_order, make_pool, payment_of
from tests.orders.conftest import CUSTOMER_STEP, new_card, process_once, seconds, settled
from tests.providers import statuses


def test_an_order_waits_half_an_hour_for_the_bank(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    assert order.state == OrderState.PENDING
    Order.objects.update(created_at=now() - waiting.CUSTOMER_STEP_LIMIT)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    reason = "PaymentDeclined: the payment was not confirmed at the bank"
    assert order.changes.latest("pk").reason == reason
    assert statuses(gateway) == ["voided"]


def test_the_page_says_what_the_bank_wants_until_the_customer_cancels(
    as_alice: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))

    page = as_alice.get(f"/orders/{order.number}/").text
    assert "Your bank wants you to confirm" in page
    assert "Confirm the payment of <bdi>$19.00</bdi> on your bank's page." in page
    Order.objects.update(cancel_requested_at=now())
    assert "Your bank wants" not in as_alice.get(f"/orders/{order.number}/").text


def test_an_authorisation_that_expired_at_the_bank_is_a_refusal(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    voided = {"headers": {"Idempotency-Key": "elsewhere"}, "json": {}, "trust_env": False}
    httpx.post(f"{gateway}/payments/{payment_of(order).gateway_id}/void", **voided)  # type: ignore[arg-type]  # httpx's own keywords

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    reason = "PaymentDeclined: it has expired at the gateway"
    assert order.changes.latest("pk").reason == reason


def test_waiting_for_the_bank_and_coming_back_are_recorded(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = make_order(alice, method=new_card(alice, CUSTOMER_STEP))
    for _ in range(2):
        assert seconds(process_once(order)) == waiting.CUSTOMER_STEP_PAUSE.total_seconds()
    order = Order.objects.get(pk=order.pk)
    httpx.post(payment_of(order).customer_step_url, data={"decision": "approve"}, trust_env=False)
    process_once(order)

    assert list(order.changes.values_list("new", "reason")) == [
        ("in_progress", ""),
        ("pending", "waits for a confirmation at the bank"),
        ("in_progress", "the customer came back from the bank"),
        ("completed", ""),
    ]


def test_the_gateway_is_asked_less_often_the_longer_the_customer_takes(
    alice: User, gateway: str, smdp: str
) -> None:
    """Coming back wakes a worker. A thousand customers who do not must not keep workers busy."""
    make_pool()
    order = make_order(alice, method=new_card(alice, CUSTOMER_STEP))
    pauses = []
    for minutes in (0, 2, 20):
        Order.objects.filter(pk=order.pk).update(created_at=now() - timedelta(minutes=minutes))
        pauses.append(round(seconds(process_once(order))))

    assert pauses == [5, 30, 120]
