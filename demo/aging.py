"""Move customers' plans on by days or months, to show what time does to them.

No clock is moved: what is stored is moved back. Only the demo and tests do that.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from outbox.domain import enqueue
from payments.models import Payment
from subscriptions.domain.bounds import Bounds, bounds_of, end_of_period
from subscriptions.models import KIND, Attempt, Period, PlanChange, Subscription, UsageRecord

TIMES_OF_PAYMENT = ("created_at", "captured_at", "declined_at", "retry_at", "authorised_until")


@transaction.atomic
def age(subscription: Subscription, *, months: int = 0, days: int = 0) -> None:
    """Move a subscription's times back, and let a worker process it.

    Months are of different lengths. So the anchor is moved back by the calendar, and the bounds
    follow from it, as they do for every subscription.
    """
    plan, anchor = subscription.plan, subscription.anchored_at
    assert plan is not None and anchor is not None  # noqa: S101, PT018 -- it renews
    moved = end_of_period(plan, anchor, number=-months) if months else anchor
    back = anchor - (moved - timedelta(days=days))
    subscription.anchored_at = anchor - back
    _move(Subscription.objects.filter(pk=subscription.pk), back, "anchored_at", "cancelled_at")
    _move_periods(subscription, back)
    attempts = Attempt.objects.filter(period__subscription=subscription)
    _move(Payment.objects.filter(attempt__in=attempts), back, *TIMES_OF_PAYMENT)
    _move(attempts, back, "created_at")
    changes = PlanChange.objects.filter(subscription=subscription)
    _move(changes, back, "chosen_at", "settled_at")
    usage = UsageRecord.objects.filter(line=subscription.line_id)
    _move(usage, back, "used_at", "received_at", "day")
    Subscription.objects.filter(pk=subscription.pk).update(due_at=now(), served_until=None)
    enqueue(KIND, subscription.pk)


def _move(rows: QuerySet[Any], back: timedelta, *names: str) -> None:
    rows.update(**{name: F(name) - back for name in names})


def _move_periods(subscription: Subscription, back: timedelta) -> None:
    """Move all periods by one statement: each begins where the one before ends."""
    periods = list(subscription.periods.order_by("number"))
    for period in periods:
        _move_period(subscription, period, back)
    names = ["starts_at", "ends_at", "usable_until", "grace_until"]
    Period.objects.bulk_update(periods, names)


def _move_period(subscription: Subscription, period: Period, back: timedelta) -> None:
    starts_at, ends_at = period.starts_at, period.ends_at
    if starts_at is None or ends_at is None:
        return
    bounds = Bounds(starts_at - back, ends_at - back)
    if period.number >= subscription.anchor_number:
        bounds = bounds_of(subscription, period.number)
    moved = {starts_at: bounds.starts_at, ends_at: bounds.ends_at}
    period.starts_at, period.ends_at = bounds.starts_at, bounds.ends_at
    period.usable_until = _moved(period.usable_until, moved, back, bounds.ends_at)
    period.grace_until = _moved(period.grace_until, moved, back, bounds.ends_at)


def _moved(
    moment: datetime | None, moved: dict[datetime, datetime], back: timedelta, latest: datetime
) -> datetime | None:
    """Return where a time inside a period is afterwards. It stays within the period's bounds."""
    if moment is None:
        return None
    return min(moved.get(moment, moment - back), latest)
