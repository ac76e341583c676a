"""All formulas of periods: bounds, allowance in grace, days of tries.

Source of the rules: docs/contract.md#subscriptions and #quantities-and-identity.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from plans.models import Category, Plan
from subscriptions.models import Subscription

# A period is authorised and made ready this long before it begins.
READY_BEFORE = timedelta(hours=24)
# The customer is told this long before a period is charged.
TOLD_BEFORE = timedelta(days=3)
# Days after the period's start on which a refused payment is tried again.
TRY_DAYS = (0, 1, 3, 5, 7, 10, 14)
GRACE = timedelta(days=7)
# A subscription that nobody has paid ends this long after the period's start.
HOLD = timedelta(days=30)
# A line and a payment method get grace once in this time.
GRACE_AGAIN = timedelta(days=90)
MOST_GRACE_BYTES = 10**9


@dataclass(frozen=True)
class Bounds:
    """When a period begins and ends. It ends where the next one begins."""

    starts_at: datetime
    ends_at: datetime


def end_of_period(plan: Plan, start: datetime, *, number: int = 1) -> datetime:
    """Return the end of the plan's first period, or of the period with this number.

    A day is 24 hours. A month ends on the start's day of the month in the operator's billing zone.
    A shorter month ends on its last day: 31 January, 28 February, 31 March.
    """
    if plan.category != Category.RECURRING:
        return start + number * timedelta(days=plan.validity_days)
    anchor = start.astimezone(ZoneInfo(settings.BILLING_ZONE))
    # Months are counted from 0 here, so that December plus one is January of the next year.
    years, month = divmod(anchor.month - 1 + number, 12)
    year, month = anchor.year + years, month + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day).astimezone(UTC)


def bounds_of(subscription: Subscription, number: int) -> Bounds:
    """Return the bounds of the period with this number, from the anchor alone.

    They never follow from the last end, so the day of the month does not drift.
    """
    plan, anchor = subscription.plan, subscription.anchored_at
    assert plan is not None and anchor is not None  # noqa: S101, PT018 -- it renews
    months = number - subscription.anchor_number
    starts_at = end_of_period(plan, anchor, number=months) if months else anchor
    return Bounds(starts_at, end_of_period(plan, anchor, number=months + 1))


def grace_bytes(plan: Plan) -> int:
    """Return what can be used in grace: a tenth of the plan, and at most 1 GB."""
    if plan.data_bytes is None:
        return MOST_GRACE_BYTES
    return min(MOST_GRACE_BYTES, plan.data_bytes // 10)


def next_try(starts_at: datetime, *, last_try: datetime | None) -> datetime | None:
    """Return when a period that begins at `starts_at` is tried next, or None after the last day.

    The first try is made when the period is made ready. After an outage the missed days are not
    caught up one by one: one try is due at once, and the next one on the table's next day.
    """
    if last_try is None:
        return starts_at - READY_BEFORE
    days = (starts_at + timedelta(days=day) for day in TRY_DAYS[1:])
    return next((day for day in days if day > last_try), None)
