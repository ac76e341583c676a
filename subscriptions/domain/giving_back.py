"""Give back the time that a failed download has cost, once for each plan.

The period that runs ends later by that time. If the plan renews, its anchor moves with the end, so
the next period begins there: there is neither a gap nor an overlap. While a month is unpaid, or its
charge is decided, nothing moves. Then the month that is paid next gets the time.

Source of the rule: docs/contract.md#get-balance, "Time".
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from moportal.database.statements import compare_and_set
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import allocation, service
from subscriptions.domain.bounds import bounds_of
from subscriptions.domain.periods import last_paid, lock_periods
from subscriptions.models import KIND, Period, Subscription
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
from subscriptions.states import RUNNING, PeriodState, SubscriptionState

log = structlog.get_logger(__name__)


@transaction.atomic
def give_back(subscription: Subscription, *, since: datetime, until: datetime) -> None:
    """Give the time from `since` to `until` back, unless the plan has got time back already."""
    lost = until - since
    # Race: two notices may confirm the download at once. One of them stores the time.
    first = {"lost_time": None, "state": RUNNING}
    if lost <= timedelta() or not compare_and_set(
        Subscription, subscription.pk, first, lost_time=lost
    ):
        return
    subscription.refresh_from_db()
    log.info("time lost by a failed download", subscription=subscription.pk, lost=str(lost))
    _give(subscription)
    enqueue(KIND, subscription.pk)


def give_what_is_owed(subscription: Subscription, _lease: Lease) -> None:
    """Give back what was stored while a month was unpaid, now that one is paid."""
    if is_owed(subscription):
        _give(subscription)


def is_owed(subscription: Subscription) -> bool:
    """Return whether time was lost that no period has got yet."""
    if subscription.lost_time is None:
        return False
    return all(period.given_back is None for period in subscription.periods.all())


def tell_network(subscription: Subscription, lease: Lease) -> RetryAfter | None:
    """Tell the network the later end of a plan that does not renew."""
    if subscription.lost_time is None or subscription.state != SubscriptionState.ACTIVE:
        return None
    paid = last_paid(subscription)
    assert paid.usable_until is not None  # noqa: S101 -- paid_period_has_its_time
    try:
        service.serve_until(subscription, paid.number, paid.usable_until, lease)
    except NetworkUnavailable as error:
        return RetryAfter(count_failure(subscription, error))
    except NetworkRefused as error:
        # This is expected. The row of the call says why.
        log.error("the network refuses: staff must act", detail=str(error))  # noqa: TRY400
    return None


@transaction.atomic
def _give(subscription: Subscription) -> None:
    """Let the newest paid period end later, and the planned one begin then."""
    lost = subscription.lost_time
    assert lost is not None  # noqa: S101 -- the callers have looked
    periods = lock_periods(subscription)
    paid = [period for period in periods if period.state == PeriodState.PAID][-1]
    assert paid.ends_at is not None  # noqa: S101 -- paid_period_has_its_time
    ended_at, ends_at = paid.ends_at, paid.ends_at + lost
    if not _move_anchor(subscription, paid, ends_at):
        return
    # What was cut short, for example by a dispute, stays so.
    usable_until = ends_at if paid.usable_until == ended_at else paid.usable_until
    paid.ends_at, paid.usable_until, paid.given_back = ends_at, usable_until, lost
    for planned in periods:
        if planned.number > paid.number and planned.starts_at is not None:
            bounds = bounds_of(subscription, planned.number)
            planned.starts_at, planned.ends_at = bounds.starts_at, bounds.ends_at
    # One statement moves the end and the start after it, because the database compares the two.
    Period.objects.bulk_update(periods, ["starts_at", "ends_at", "usable_until", "given_back"])
    allocation.reallocate(paid.line_id, since=ended_at)
    log.info("time given back", subscription=subscription.pk, period=paid.number)


def _move_anchor(subscription: Subscription, paid: Period, ends_at: datetime) -> bool:
    """Let the next period begin at this time. Return False if its charge is decided, or overdue."""
    expected = {
        "state": SubscriptionState.ACTIVE,
        # Race: a worker may decide to charge the next period, whose start would move then.
        "decided_number": paid.number,
        "anchored_at": subscription.anchored_at,
    }
    if subscription.renews:
        anchor = {"anchored_at": ends_at, "anchor_number": paid.number + 1}
    else:
        anchor = {"anchored_at": None}
    if not compare_and_set(Subscription, subscription.pk, expected, **anchor):
        return False
    subscription.refresh_from_db(fields=["anchored_at", "anchor_number"])
    return True
