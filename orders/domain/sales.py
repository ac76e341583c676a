"""What an order sells, as its receipt says it."""

from datetime import datetime

from orders.domain import attaching
from orders.models import Order
from orders.states import OrderKind
from payments.domain.receipts import Sale
from subscriptions.domain.bounds import end_of_period


def sale_of(order: Order, *, at: datetime) -> Sale:
    """Return what the order sells, if it completes at this time."""
    return Sale(
        buyer=order.account,
        item=attaching.item_of(order) if order.kind == OrderKind.ATTACH else order.plan_name,
        price=order.price,
        tax_rate=order.tax_rate,
        starts_at=at,
        ends_at=end_of_period(order.plan, at),
    )
