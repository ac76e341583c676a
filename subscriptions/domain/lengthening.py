"""Let the month that runs end later, free of charge.

If the plan renews, its anchor moves with the end, so the next period begins there: there is neither
a gap nor an overlap. While a month is unpaid, or its charge is decided, nothing moves.
"""

from datetime import datetime, timedelta

from django.db import transaction

from moportal.database.statements import compare_and_set
from subscriptions.domain import allocation
from subscriptions.domain.bounds import bounds_of
from subscriptions.domain.periods import lock_periods
from subscriptions.models import Period, Subscription
from subscriptions.states import PeriodState, SubscriptionState


@transaction.atomic
def lengthen(
    subscription: Subscription, by: timedelta, *, given_back: timedelta | None = None
) -> bool:
    """Let the newest paid period end later, and the planned one begin then.

    Returns False if nothing may move now. `given_back` is stored with the period.
    """
    periods = lock_periods(subscription)
    paid = [period for period in periods if period.state == PeriodState.PAID][-1]
    assert paid.ends_at is not None  # noqa: S101 -- paid_period_has_its_time
    ended_at, ends_at = paid.ends_at, paid.ends_at + by
    if not _move_anchor(subscription, paid, ends_at):
        return False
    # What was cut short, for example by a dispute, stays so.
    usable_until = ends_at if paid.usable_until == ended_at else paid.usable_until
    paid.ends_at, paid.usable_until = ends_at, usable_until
    paid.given_back = given_back or paid.given_back
    for planned in periods:
        if planned.number > paid.number and planned.starts_at is not None:
            bounds = bounds_of(subscription, planned.number)
            planned.starts_at, planned.ends_at = bounds.starts_at, bounds.ends_at
    # One statement moves the end and the start after it, because the database compares the two.
    Period.objects.bulk_update(periods, ["starts_at", "ends_at", "usable_until", "given_back"])
    allocation.reallocate(paid.line_id, since=ended_at)
    return True


def _move_anchor(subscription: Subscription, paid: Period, ends_at: datetime) -> bool:
    """Let the next period begin at this time. Return False if its charge is decided, or overdue."""
    expected = {
        "state": SubscriptionState.ACTIVE,
        # Race: a worker may decide to charge the next period, whose start would move then.
        "decided_number": paid.number,
        "anchored_at": subscription.anchored_at,
        # Another plan is being bought for this one, and is charged by the time that is left.
        "changing": "",
    }
    if subscription.renews:
        anchor = {"anchored_at": ends_at, "anchor_number": paid.number + 1}
    else:
        anchor = {"anchored_at": None}
    if not compare_and_set(Subscription, subscription.pk, expected, **anchor):
        return False
    subscription.refresh_from_db(fields=["anchored_at", "anchor_number"])
    return True
