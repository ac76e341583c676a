"""The limit on orders that are still open or were cancelled, for each account and each device.

An order that is cancelled late may use up an ICCID for good (docs/contract.md#profile). An order
that completes or fails does not count.
"""

from dataclasses import replace
from datetime import timedelta

from django.conf import settings

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit, Locked
from accounts.models import User
from mobileplans.models import Visit
from orders.models import Draft, Order

WINDOW = timedelta(hours=1)


def count_order(draft: Draft) -> None:
    """Count an order in the transaction that creates it, or raise `Locked`.

    So an attempt that creates no order is not counted.
    """
    limiter.count_in_transaction(str(draft.key), *_counters(draft.account_id, draft.visit.eid))


def forget_order(order: Order) -> None:
    """Stop counting an order, because it has completed or failed."""
    # The payment has the draft's key. Most orders have one, so this needs no query.
    key = order.payment.key if order.payment else order.draft.key
    limiter.forget(str(key), *_counters(order.account_id, order.eid))


def find_lock(account: User, visit: Visit) -> Locked | None:
    """Return why this customer can place no order for this device now, or None."""
    return limiter.find_lock(*_counters(account.pk, visit.eid))


def _counters(account: int, eid: str) -> list[Counter]:
    of_account = Limit("orders", settings.ORDER_LIMIT, WINDOW)
    of_device = replace(of_account, most=settings.DEVICE_ORDER_LIMIT)
    device = [Counter(of_device, f"eid:{eid}")] if eid else []
    return [Counter(of_account, f"account:{account}"), *device]
