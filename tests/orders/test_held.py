"""Held orders: the charge is decided but cannot be finished. Staff resume or give up."""

import httpx
import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import User
from orders.domain import by_staff, moving, placing
from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF, Failure, OrderState
from outbox.models import Task
from payments.states import PaymentState
from tests.builders import payment_of
from tests.orders.conftest import settled
from tests.providers import break_it, mend, profiles, statuses


@pytest.fixture
def unfinished(placed: Order, gateway: str) -> Order:
    """Return an order whose capture was never answered, after its last attempt."""
    break_it(gateway, "capture", "http_500", times=1000)
    settled(placed)
    Order.objects.filter(pk=placed.pk).update(tries=TRIES_BEFORE_STAFF)
    return settled(placed)


def enqueued(order: Order) -> int:
    return Task.objects.get(kind="order", subject=str(order.pk)).enqueue_count


def test_an_order_that_cannot_be_finished_waits_for_staff(unfinished: Order, smdp: str) -> None:
    assert unfinished.state == OrderState.HELD
    assert "GatewayUnavailable" in unfinished.last_error
    assert unfinished.changes.last().reason == unfinished.last_error  # type: ignore[union-attr]  # it was moved
    assert [state for _iccid, state in profiles(smdp)] == ["Released"]
    with pytest.raises(placing.TooLateToCancel):
        placing.request_cancel(unfinished, actor=unfinished.account)


def test_processing_a_held_order_does_nothing(unfinished: Order, gateway: str) -> None:
    mend(gateway)

    assert settled(unfinished).state == OrderState.HELD
    assert statuses(gateway) == ["authorised"]


def test_staff_resume_a_held_order(unfinished: Order, gateway: str, clara: User) -> None:
    mend(gateway)

    by_staff.resume(unfinished, actor=clara)
    resumed = Order.objects.get(pk=unfinished.pk)
    assert (resumed.state, resumed.tries) == (OrderState.IN_PROGRESS, 0)
    assert resumed.changes.last().reason == "staff: try again"  # type: ignore[union-attr]  # it was moved
    assert enqueued(resumed) == 2
    order = settled(unfinished)

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert clara in {change.actor for change in order.changes.all()}


def test_only_a_held_order_can_be_resumed(placed: Order, clara: User) -> None:
    with pytest.raises(moving.IllegalTransition):
        by_staff.resume(placed, actor=clara)


def test_staff_give_an_order_up_and_the_money_goes_back(
    unfinished: Order, gateway: str, smdp: str, clara: User
) -> None:
    mend(gateway)

    by_staff.give_up(unfinished, actor=clara, because="the provider is gone")
    assert Order.objects.get(pk=unfinished.pk).tries == 0
    assert enqueued(unfinished) == 2
    order = settled(unfinished)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.GIVEN_UP)
    assert order.undone_at is not None
    assert order.changes.last().reason == "staff: the provider is gone"  # type: ignore[union-attr]  # it was moved
    assert statuses(gateway) == ["voided"]
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]


def test_a_charge_made_already_is_refunded(
    unfinished: Order, gateway: str, smdp: str, clara: User, as_alice: Client
) -> None:
    mend(gateway)
    elsewhere = {"headers": {"Idempotency-Key": "elsewhere"}, "json": {}, "trust_env": False}
    url = f"{gateway}/payments/{payment_of(unfinished).gateway_id}/capture"
    httpx.post(url, **elsewhere).raise_for_status()  # type: ignore[arg-type]  # httpx's own keywords

    by_staff.give_up(unfinished, actor=clara, because="x")
    order = settled(unfinished)

    assert payment_of(order).state == PaymentState.REFUNDED
    assert statuses(gateway) == ["refunded"]
    page = as_alice.get(f"/orders/{order.number}/").text
    assert "complete your order" in page
    assert "refunding $19.00 to Visa ending in 4242." in page


def test_only_a_held_order_can_be_given_up(placed: Order, clara: User) -> None:
    with pytest.raises(moving.IllegalTransition):
        by_staff.give_up(placed, actor=clara, because="x")


def test_the_customer_of_a_held_order_is_told_to_wait(unfinished: Order, as_alice: Client) -> None:
    page = as_alice.get(f"/orders/{unfinished.number}/").text

    assert "This is taking longer than usual" in page
    assert "data-poll" in page


def test_staff_find_held_orders_and_try_them_again(
    unfinished: Order, client: Client, clara: User
) -> None:
    client.force_login(clara)
    listed = client.get("/admin/orders/order/?state__exact=held").text
    action = {"action": "resume", "_selected_action": [unfinished.pk]}

    first = client.post("/admin/orders/order/", action)
    second = client.post("/admin/orders/order/", action)

    told = [str(m) for answer in (first, second) for m in get_messages(answer.wsgi_request)]
    assert unfinished.display_number in listed
    assert Order.objects.get(pk=unfinished.pk).state == OrderState.IN_PROGRESS
    assert Order.objects.get(pk=unfinished.pk).changes.last().actor == clara  # type: ignore[union-attr]  # it was moved
    assert "is being retried" in told[0]
    assert "not waiting" in told[-1]
