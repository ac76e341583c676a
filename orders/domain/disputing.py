"""End the plan of an order whose charge is disputed, if DISPUTE_REACTION says so.

`subscriptions.domain.parking` parks a plan that renews.
"""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from esim.domain import provisioning
from orders.domain import announcing
from orders.domain.undoing import MAY_SUCCEED_LATER, take_from_network, try_each
from orders.models import Order
from orders.states import ENDED, OrderState
from outbox.domain import Lease, RetryAfter, enqueue
from payments.models import Dispute
from payments.states import DisputeKind, DisputeState
from subscriptions.domain import lifecycle as subscriptions

log = structlog.get_logger(__name__)
KIND = "disputed_order"
# An order that is still being completed ends within minutes.
INTERVAL = timedelta(minutes=2)


def react(dispute: Dispute, **_signal: Any) -> None:
    """Enqueue the orders that were paid by a disputed payment: a signal receiver.

    An inquiry has taken no money, so it changes nothing.
    """
    if settings.DISPUTE_REACTION != "end" or dispute.kind == DisputeKind.INQUIRY:
        return
    for order in Order.objects.filter(payment=dispute.payment_id):
        enqueue(KIND, order.pk)


def end_plan(subject: str, lease: Lease) -> RetryAfter | None:
    """End the plan of an order whose charge is disputed; the outbox's handler for such orders.

    It reads the stored state, and does nothing once every dispute is won.
    """
    related = ("account", "payment", "profile__sim", "subscription__line", "running_plan__line")
    order = Order.objects.select_related(*related).get(pk=subject)
    if order.state not in ENDED:
        return RetryAfter(INTERVAL)
    taken = Dispute.objects.filter(payment__order=order, kind=DisputeKind.DISPUTE)
    is_taken = taken.exclude(state=DisputeState.WON).exists()
    subscription = order.plan_in_use
    if order.state != OrderState.COMPLETED or not is_taken or subscription is None:
        return None

    if not order.adds_device:
        with transaction.atomic():
            subscriptions.end(subscription)
            announcing.tell_plan_ended(order)
    errors = try_each(
        partial(_withdraw_esim, order, lease),
        partial(take_from_network, order, subscription, lease),
    )
    if any(isinstance(error, MAY_SUCCEED_LATER) for error in errors):
        return RetryAfter(INTERVAL)
    if errors:
        log.error("the plan cannot be ended: staff must act", order=order.number)
    return None


def _withdraw_esim(order: Order, lease: Lease) -> None:
    """Cancel an eSIM that is on no device, and remove its ICCID from the line."""
    profile = order.profile
    if profile and provisioning.cancel(profile, before_call=lease.cover_call):
        subscriptions.remove_from_line(profile.sim)
