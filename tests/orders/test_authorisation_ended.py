"""An order that outlasts its authorisation fails. The customer is told that nothing is charged."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from messages.models import Message
from messages.states import Occasion
from orders import texts
from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF, Failure, OrderState
from payments.domain import authorisations
from payments.models import Payment
from payments.states import PaymentState
from payments.tasks import let_go
from tests.builders import payment_of
from tests.orders.conftest import settled
from tests.processing import process_task
from tests.providers import break_it, mend, states, statuses


def end_authorisation(order: Order) -> None:
    ended = now() - timedelta(hours=1)
    Payment.objects.filter(pk=payment_of(order).pk).update(authorised_until=ended)


@pytest.fixture
def held(placed: Order, gateway: str) -> Order:
    """Return an order that waits for staff, because the gateway does not answer to the capture."""
    break_it(gateway, "capture", "http_500", times=1000)
    settled(placed)
    Order.objects.filter(pk=placed.pk).update(tries=TRIES_BEFORE_STAFF)
    order = settled(placed)
    assert order.state == OrderState.HELD
    end_authorisation(order)
    mend(gateway)
    return order


def test_a_held_order_ends_with_its_authorisation(held: Order, gateway: str, smdp: str) -> None:
    let_go()
    process_task(authorisations.KIND, held.payment_id)

    order = settled(held)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.LAPSED)
    assert order.changes.last().reason == "the authorisation ended"  # type: ignore[union-attr]  # it was moved
    assert order.undone_at is not None
    assert (statuses(gateway), states(smdp)) == (["voided"], ["Unavailable"])


def test_the_customer_is_told_that_nothing_is_charged(held: Order) -> None:
    let_go()
    process_task(authorisations.KIND, held.payment_id)

    order = settled(held)

    told = Message.objects.get()
    assert (told.occasion, told.context["is_charged"]) == (Occasion.ORDER_FAILED, False)
    failure = texts.failure(order)
    assert failure is not None
    assert failure.text.endswith("You haven't been charged.")


def test_an_order_that_is_settled_after_the_end_is_not_charged(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    settled(placed)
    end_authorisation(placed)

    order = settled(placed, times=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.LAPSED)
    assert payment_of(order).state == PaymentState.VOIDED
    assert (statuses(gateway), states(smdp)) == (["voided"], ["Unavailable"])
    assert Message.objects.get().context["is_charged"] is False


def test_an_order_whose_authorisation_was_let_go_of_meanwhile_fails(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    settled(placed)
    end_authorisation(placed)
    let_go()
    process_task(authorisations.KIND, placed.payment_id)

    order = settled(placed, times=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.LAPSED)
    assert statuses(gateway) == ["voided"]
