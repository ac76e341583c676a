"""Park a subscription, and resume it. A parked subscription is not charged.

After a fault of the operator the service stays on. During a dispute about one of the payments the
service is off, until the bank has decided (DISPUTE_REACTION).
"""

from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from outbox.domain import enqueue
from payments.models import Dispute
from payments.states import DisputeKind, DisputeState
from subscriptions.domain import allocation, announcing, lifecycle
from subscriptions.models import KIND, Period, Subscription
from subscriptions.queries import renewing_subscriptions
from subscriptions.states import RUNNING, ParkReason, PeriodState

log = structlog.get_logger(__name__)


class NotParked(Exception):
    """The subscription is not parked, or the bank has not decided yet."""


@transaction.atomic
def park(subscription: Subscription, reason: ParkReason) -> None:
    """Charge nothing until it is resumed. A dispute also switches the service off."""
    running = {"parked_because": "", "state": RUNNING}
    if not compare_and_set(Subscription, subscription.pk, running, parked_because=reason):
        return
    if reason == ParkReason.DISPUTE:
        at = now()
        lifecycle.cut_short(_periods(subscription), at=at)
        allocation.reallocate(subscription.line_id, since=at)
    enqueue(KIND, subscription.pk)
    log.warning("parked", subscription=subscription.pk, reason=reason)


def resume(subscription: Subscription, *, actor: User) -> None:
    """Let staff resume a subscription. Raises `NotParked`, also while a dispute is open."""
    if not subscription.parked_because or _open_disputes(subscription).exists():
        raise NotParked(subscription.reference)
    _resume(subscription)
    log.info("resumed by staff", subscription=subscription.pk, actor=actor.pk)


def react(dispute: Dispute, **_signal: Any) -> None:
    """Park, end or resume what a disputed payment has paid: a signal receiver.

    An inquiry has taken no money, so it changes nothing.
    """
    if dispute.kind == DisputeKind.INQUIRY or settings.DISPUTE_REACTION == "none":
        return
    for subscription in _paid_by(dispute):
        if dispute.state == DisputeState.LOST or settings.DISPUTE_REACTION == "end":
            _end(subscription)
        elif dispute.state == DisputeState.WON:
            if not _open_disputes(subscription).exists():
                _resume(subscription)
        else:
            park(subscription, ParkReason.DISPUTE)


@transaction.atomic
def _resume(subscription: Subscription) -> None:
    parked = {"parked_because": ParkReason.values}
    if not compare_and_set(Subscription, subscription.pk, parked, parked_because=""):
        return
    at = now()
    if subscription.parked_because == ParkReason.DISPUTE:
        announcing.tell_resumed(subscription, at=at)
    # If a dispute has switched the service off, the paid month can be used again.
    paid = _periods(subscription).filter(state=PeriodState.PAID, ends_at__gt=at)
    paid.update(usable_until=F("ends_at"))
    grace = _periods(subscription).filter(state=PeriodState.PLANNED, grace_until__gt=at)
    grace.update(usable_until=Least(F("grace_until"), F("ends_at")))
    allocation.reallocate(subscription.line_id, since=at)
    enqueue(KIND, subscription.pk)


@transaction.atomic
def _end(subscription: Subscription) -> None:
    lifecycle.end(subscription)
    announcing.tell_ended(subscription)


def _periods(subscription: Subscription) -> QuerySet[Period]:
    return Period.objects.filter(subscription=subscription)


def _paid_by(dispute: Dispute) -> list[Subscription]:
    """Return the renewing subscriptions that have a period paid by the disputed payment."""
    paid = Q(periods__attempts__payment=dispute.payment_id)
    # The order has paid the first period, and its number is the subscription's reference.
    first = Q(reference=dispute.payment.reference)
    return list(renewing_subscriptions().filter(paid | first).distinct())


def _open_disputes(subscription: Subscription) -> QuerySet[Dispute]:
    of_it = Q(payment__attempt__period__subscription=subscription)
    of_it |= Q(payment__reference=subscription.reference)
    disputes = Dispute.objects.filter(of_it, kind=DisputeKind.DISPUTE)
    return disputes.exclude(state__in=[DisputeState.WON, DisputeState.LOST])
