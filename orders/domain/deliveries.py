"""What an order of each kind delivers, in the steps that `orders.domain.settling` takes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from orders.domain import attaching, new_plans, plan_changes, plan_moves
from orders.models import Order
from orders.states import OrderKind
from outbox.domain import Lease
from payments.models import Mandate


def _claim_nothing(_order: Order) -> None:
    """Do nothing: no other order, renewal or cancel can take what this order delivers."""


@dataclass(frozen=True)
class Delivery:
    """The steps of one kind of order. Each may run twice, except those in a transaction."""

    # Before the charge: make ready what can be undone.
    prepare: Callable[[Order, Lease], None]
    # In the transaction that completes the order: hand out what was bought.
    deliver: Callable[[Order, datetime, Mandate | None], None]
    # In the transaction that decides to charge: claim what another order, a renewal or a cancel
    # could claim first. An error stops the charge.
    claim: Callable[[Order], None] = _claim_nothing


DELIVERIES = {
    OrderKind.NEW_PLAN: Delivery(new_plans.prepare, new_plans.deliver),
    OrderKind.CHANGE: Delivery(plan_changes.prepare, plan_changes.deliver, plan_changes.claim),
    OrderKind.ATTACH: Delivery(attaching.prepare, attaching.deliver, attaching.claim),
    OrderKind.MOVE: Delivery(plan_moves.prepare, plan_moves.deliver, attaching.claim),
}


def delivery_of(order: Order) -> Delivery:
    """Return the steps of this order."""
    return DELIVERIES[OrderKind(order.kind)]
