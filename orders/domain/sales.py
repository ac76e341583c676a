"""What an order sells, in the words of its receipt."""

from datetime import datetime

from brand.queries import tax_word
from orders.domain import attaching
from orders.models import Order
from orders.states import OrderKind
from payments.domain.receipts import Sale
from subscriptions.domain.bounds import end_of_period
from subscriptions.domain.periods import last_paid


def sale_of(order: Order, *, at: datetime) -> Sale:
    """Return what the order sells, if it completes at this time."""
    # After an outage, the month of a new plan may have begun before the order completes.
    is_change = order.kind == OrderKind.CHANGE
    begun = last_paid(order.running_plan).starts_at if is_change and order.running_plan else at
    starts_at = begun or at
    return Sale(
        buyer=order.account,
        item=attaching.item_of(order) if order.kind == OrderKind.ATTACH else order.plan_name,
        price=order.price,
        tax_rate=order.tax_rate,
        tax_word=tax_word(order.visit.market, order.language),
        starts_at=starts_at,
        ends_at=end_of_period(order.plan, starts_at),
    )
