"""Cancel an eSIM that nobody has downloaded, ESIM_EXPIRY_DAYS after its plan has ended.

Until then its activation code works (docs/contract.md#profile). Beat finds
such orders and enqueues them. `expire`, the outbox's handler, reads the
order again and may run twice.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.timezone import now

from esim.domain import provisioning
from esim.states import ProfileState
from orders.models import Order
from orders.states import OrderState, RepairState
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.queries import usable_periods

log = structlog.get_logger(__name__)
KIND = "expiry"
BATCH = 200


def expired_orders() -> QuerySet[Order]:
    """Return the orders whose eSIM is on no device and whose line has no running plan."""
    before = now() - timedelta(days=settings.ESIM_EXPIRY_DAYS)
    # The line may have got a later plan, which uses the same eSIM. That plan must
    # be over for as long, too.
    running = usable_periods(before).filter(line=OuterRef("subscription__line"))
    unused = Order.objects.filter(
        state=OrderState.COMPLETED,
        profile__state=ProfileState.RELEASED,
        subscription__isnull=False,
        taken_back=None,
    )
    # An open repair decides about the eSIM by itself.
    return unused.exclude(repairs__state=RepairState.ASKED).exclude(Exists(running))


def enqueue_expired_orders() -> int:
    """Enqueue expired eSIMs and return how many. The next round takes those beyond the batch."""
    if settings.ESIM_EXPIRY_DAYS <= 0:
        return 0
    found = list(expired_orders().order_by("pk").values_list("pk", flat=True)[:BATCH])
    for order in found:
        enqueue(KIND, order)
    return len(found)


def expire(subject: str, lease: Lease) -> RetryAfter | None:
    """Cancel an expired eSIM and remove its ICCID from the line; the outbox's handler."""
    # The conditions are checked again. Since the order was enqueued, the eSIM may have
    # been downloaded, or the customer may have bought another plan.
    order = (
        expired_orders()
        .select_related("profile__sim", "profile__provider")
        .filter(pk=subject)
        .first()
    )
    if order is None or order.profile is None:
        return None
    structlog.contextvars.bind_contextvars(order=order.number)
    try:
        is_cancelled = provisioning.cancel(order.profile, before_call=lease.cover_call)
    except provisioning.SmdpUnavailable as error:
        return RetryAfter(count_failure(order, error))
    # If it is not cancelled, a device has downloaded it, and its profile is marked so.
    if is_cancelled:
        subscriptions.remove_from_line(order.profile.sim)
        log.info("expired eSIM cancelled")
    return None
