"""What a customer decides about a plan that renews: cancel, undo that, pay with another method.

The decision to charge a period and a cancel are each one UPDATE of the subscription's row, so one
of them comes first. If the decision comes first, its period is the plan's last one. Nothing is
charged after a confirmed cancel (docs/contract.md#subscriptions).
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from outbox.domain import enqueue
from payments.domain import mandates
from payments.models import Mandate
from payments.states import MandateEnd
from subscriptions.domain import announcing
from subscriptions.models import KIND, Subscription
from subscriptions.queries import renewing_subscriptions

log = structlog.get_logger(__name__)


class NotRenewing(Exception):
    """The subscription does not renew, or has ended already."""


@transaction.atomic
def cancel(subscription: Subscription) -> datetime:
    """End the plan with the last period that is or will be charged, and return when it ends.

    A second call changes nothing. Raises `NotRenewing`.
    """
    at = now()
    open_ones = _renewing(subscription).filter(last_number=None)
    is_cancelled = open_ones.update(last_number=F("decided_number"), cancelled_at=at)
    if not is_cancelled and not _renewing(subscription).exists():
        raise NotRenewing(subscription.reference)
    subscription.refresh_from_db()
    ends_at = last_day(subscription)
    if is_cancelled:
        enqueue(KIND, subscription.pk)
        announcing.tell_cancelled(subscription, ends_at=ends_at, at=at)
        log.info("cancelled", subscription=subscription.pk, last=subscription.last_number)
    return ends_at


@transaction.atomic
def undo(subscription: Subscription) -> None:
    """Let a cancelled plan renew again. A second call changes nothing. Raises `NotRenewing`."""
    renewing = _renewing(subscription)
    if renewing.exclude(last_number=None).update(last_number=None, cancelled_at=None):
        enqueue(KIND, subscription.pk)
        subscription.refresh_from_db()
        announcing.tell_cancel_undone(subscription, at=now())
        log.info("cancel undone", subscription=subscription.pk)
    elif not renewing.exists():
        raise NotRenewing(subscription.reference)


@transaction.atomic
def pay_with(subscription: Subscription, mandate: Mandate) -> None:
    """Charge the plan under this mandate from now on. An overdue period is tried at once.

    Raises `NotRenewing`.
    """
    if not _renewing(subscription).update(mandate=mandate):
        raise NotRenewing(subscription.reference)
    old = subscription.mandate
    if old is not None and old.pk != mandate.pk:
        mandates.end(old, reason=MandateEnd.REPLACED)
    enqueue(KIND, subscription.pk)


def last_day(subscription: Subscription, number: int | None = None) -> datetime:
    """Return when a plan ends with this period, by default the last one of a cancelled plan.

    If that period is over already, or has no end yet, the plan ends now.
    """
    last = subscription.last_number if number is None else number
    ends_at = next(one.ends_at for one in subscription.periods.all() if one.number == last)
    # A period that is paid after hold has no bounds yet.
    return max(ends_at, now()) if ends_at else now()


def _renewing(subscription: Subscription) -> QuerySet[Subscription]:
    return renewing_subscriptions().filter(pk=subscription.pk)
