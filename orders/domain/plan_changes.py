"""Deliver a change of plan: the running month is cut short, and one of the new plan begins."""

from datetime import datetime

from orders.models import Order
from outbox.domain import Lease
from payments.models import Mandate
from subscriptions.domain import changing
from subscriptions.models import Subscription


def prepare(_order: Order, _lease: Lease) -> None:
    """Do nothing: until the charge is decided, the old plan goes on untouched."""


def claim(order: Order) -> None:
    """Reserve the running plan for this order. Raises `NotChangeable`."""
    changing.claim(_plan_of(order), order=order.number, shown_at=order.created_at)


def release(order: Order) -> None:
    """Let the old plan go on, because the order has failed."""
    changing.release(_plan_of(order), order=order.number)


def deliver(order: Order, at: datetime, mandate: Mandate | None) -> None:
    """Begin the new plan. Raises `NotChangeable` if the old one was ended meanwhile."""
    assert order.payment is not None  # noqa: S101 -- a dearer plan always costs something
    bought = changing.Purchase(
        order=order.number,
        plan=order.plan,
        price_columns=order.monthly_columns,
        payment=order.payment,
        mandate=mandate,
    )
    changing.replace_plan(_plan_of(order), bought, at=at)


def _plan_of(order: Order) -> Subscription:
    assert order.running_plan is not None  # noqa: S101 -- order_names_a_running_plan_unless_it_buys_one
    return order.running_plan
