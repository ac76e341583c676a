"""Extend a plan for a customer: staff let it end later, free of charge."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils.timezone import now

from outbox.domain import enqueue
from subscriptions.domain.lengthening import lengthen
from subscriptions.models import KIND, Master, Period, Subscription
from subscriptions.states import PeriodState

log = structlog.get_logger(__name__)


class NotExtendable(Exception):
    """The plan is not active or is over, or its next month is unpaid or being paid."""


@transaction.atomic
def extend(subscription: Subscription, *, by: timedelta) -> None:
    """Let the month that runs end later. A worker tells the network. Raises `NotExtendable`."""
    running = Period.objects.filter(
        subscription=subscription, state=PeriodState.PAID, usable_until__gt=now()
    )
    is_ours = subscription.master == Master.PORTAL
    if not is_ours or not running.exists() or not lengthen(subscription, by):
        raise NotExtendable(subscription.reference)
    enqueue(KIND, subscription.pk)
    log.info("extended", subscription=subscription.pk, by=str(by))
