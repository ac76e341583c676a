"""A gateway that charges when it authorises: the order goes on, and an undo is a refund."""

import pytest

from accounts.models import User
from messages.models import Message
from orders import texts
from orders.domain import placing
from orders.models import Order
from orders.states import Failure, OrderState
from payments.states import PaymentState
from tests.builders import make_order, make_pool, make_visit, payment_of
from tests.orders.conftest import new_card, settled
from tests.providers import break_it, statuses

CHARGED_AT_ONCE = "4000000000000077"


@pytest.fixture
def order(alice: User, gateway: str, smdp: str, network: str) -> Order:
    make_pool()
    return make_order(
        alice, visit=make_visit(account=alice), method=new_card(alice, CHARGED_AT_ONCE)
    )


def test_an_order_completes_and_is_charged_once(order: Order, gateway: str) -> None:
    order = settled(order)

    assert (order.state, payment_of(order).state) == (OrderState.COMPLETED, PaymentState.CAPTURED)
    assert statuses(gateway) == ["captured"]
    assert not payment_of(order).calls.filter(operation="capture").exists()


@pytest.mark.parametrize("fault", ["drop_after", "http_500"])
def test_a_charge_whose_answer_was_lost_is_not_repeated(
    order: Order, gateway: str, fault: str
) -> None:
    break_it(gateway, "authorise", fault)

    assert settled(order, times=2).state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]


def test_a_failed_order_gives_the_money_back_and_says_so(
    order: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "failed", code="8.2.5/3.7", times=1000)

    order = settled(order, times=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert order.undone_at is not None
    assert (statuses(gateway), payment_of(order).state) == (["refunded"], PaymentState.REFUNDED)
    failure = texts.failure(order)
    assert failure is not None
    assert failure.text == "We're refunding $19.00 to Visa ending in 0077."
    assert Message.objects.get().context["is_charged"] is True


def test_an_order_that_ends_before_the_answer_is_understood_gives_the_money_back(
    order: Order, gateway: str
) -> None:
    break_it(gateway, "authorise", "malformed", times=6)

    order = settled(order, times=8)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert order.undone_at is not None
    assert statuses(gateway) == ["refunded"]


def test_a_cancelled_order_gives_the_money_back_and_says_so(
    order: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    order = settled(order)
    assert texts.delay_warning(order).startswith("This is taking longer than usual.")
    placing.request_cancel(order, actor=alice)
    assert texts.cancelled(order) == "We're refunding $19.00 to Visa ending in 0077."

    order = settled(order)

    assert (order.state, payment_of(order).state) == (OrderState.CANCELLED, PaymentState.REFUNDED)
    assert statuses(gateway) == ["refunded"]
    assert texts.cancelled(order) == "We're refunding $19.00 to Visa ending in 0077."
    assert Message.objects.get().context["is_charged"] is True
