"""Periods of a subscription: find them, plan the next one, open it when it is paid."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

import structlog
from django.db import transaction

from accounts.domain.telling import language_of
from brand.queries import tax_word
from moportal.database.statements import compare_and_set, move
from payments.domain.receipts import Sale, issue_receipt
from subscriptions.domain import allocation, announcing
from subscriptions.domain.bounds import bounds_of
from subscriptions.domain.lifecycle import create_bucket, data_columns
from subscriptions.domain.terms import next_terms
from subscriptions.models import Bucket, Period, Subscription
from subscriptions.states import NEXT_PERIOD_STATES, RUNNING, PeriodState, SubscriptionState

log = structlog.get_logger(__name__)


def last_paid(subscription: Subscription) -> Period:
    """Return the newest paid period. What renews has one, because its order has completed."""
    paid = subscription.periods.filter(state=PeriodState.PAID).order_by("-number")[0]
    paid.subscription = subscription
    return paid


def paid_and_coming(subscription: Subscription) -> tuple[Period, Period | None]:
    """Return the newest paid period, and the one after it, if that is planned already."""
    periods = subscription.periods.exclude(state=PeriodState.LAPSED).order_by("-number")
    newest = list(periods[:2])
    for period in newest:
        period.subscription = subscription
    return newest_of(newest)


def newest_of(periods: Iterable[Period]) -> tuple[Period, Period | None]:
    """Return the newest paid one of these periods, and the planned one after it, or None."""
    by_number = sorted(periods, key=attrgetter("number"))
    paid = [period for period in by_number if period.state == PeriodState.PAID][-1]
    later = (one for one in by_number if one.number > paid.number)
    return paid, next((one for one in later if one.state == PeriodState.PLANNED), None)


@transaction.atomic
def plan_next(subscription: Subscription, paid: Period) -> Period:
    """Store the next period, at the price that the customer agreed to."""
    # Race: the customer may choose another plan right now. Either the month is planned with it, or
    # the choice finds the month and changes it.
    locked = Subscription.objects.select_for_update(no_key=True, of=("self",))
    fresh = locked.select_related("plan").get(pk=subscription.pk)
    number = paid.number + 1
    bounds = bounds_of(fresh, number)
    terms = next_terms(fresh, paid, starts_at=bounds.starts_at)
    return Period.objects.create(
        subscription=subscription,
        line=subscription.line,
        number=number,
        plan=terms.plan,
        starts_at=bounds.starts_at,
        ends_at=bounds.ends_at,
        follows=paid,
        **terms.columns,
    )


def lock_periods(subscription: Subscription) -> list[Period]:
    """Lock the periods that have not lapsed until the commit, and return them by number.

    Call it before the subscription's row is changed. In this order, two workers cannot deadlock.
    """
    kept = Period.objects.filter(subscription=subscription).exclude(state=PeriodState.LAPSED)
    return list(kept.select_for_update(no_key=True).order_by("number"))


def lock_plan(subscription: Subscription) -> tuple[Subscription, Period, Period | None]:
    """Lock the subscription until the commit. Return it, its newest paid period, and the next one.

    The next one is None if it is not planned yet.
    """
    lock_periods(subscription)
    locked = Subscription.objects.select_for_update(no_key=True, of=("self",))
    fresh = locked.select_related("mandate", "line__account").get(pk=subscription.pk)
    return fresh, *paid_and_coming(fresh)


def lock_planned(period: Period) -> bool:
    """Lock the period's row until the commit, and return whether it is still planned."""
    planned = Period.objects.filter(pk=period.pk, state=PeriodState.PLANNED)
    return planned.select_for_update(no_key=True).first() is not None


@transaction.atomic
def plan_after_hold(period: Period) -> Period:
    """Let the unpaid period lapse, and store one in its place that begins when it is paid."""
    move(period, NEXT_PERIOD_STATES, PeriodState.LAPSED)
    later = Period.objects.create(
        subscription=period.subscription,
        line=period.line,
        number=period.number + 1,
        plan=period.plan,
        after_hold=True,
        **period.price_columns,
    )
    # An attempt may still be answered. If it is paid, it pays the later period, because that is the
    # one that the customer can use.
    period.attempts.filter(is_live=True).update(period=later)
    return later


@transaction.atomic
def open_period(period: Period, *, at: datetime) -> None:
    """Store that the period is paid: its data can be used, and the customer has a receipt.

    A period after hold begins now, and the anchor moves to this day. A second call does nothing.
    """
    subscription = period.subscription
    changes: dict[str, object] = {}
    if period.after_hold:
        subscription.anchored_at, subscription.anchor_number = at, period.number
        changes = {"anchored_at": at, "anchor_number": period.number}
        bounds = bounds_of(subscription, period.number)
        period.starts_at, period.ends_at = bounds.starts_at, bounds.ends_at
    times = {"starts_at": period.starts_at, "ends_at": period.ends_at}
    # This comes first. A stalled worker stops here if another worker has opened the period.
    if not move(period, NEXT_PERIOD_STATES, PeriodState.PAID, usable_until=period.ends_at, **times):
        return
    _fill(period)
    compare_and_set(
        Subscription,
        subscription.pk,
        {"state": RUNNING},
        state=SubscriptionState.ACTIVE,
        **changes,
    )
    assert period.starts_at is not None  # noqa: S101 -- set above, or planned
    allocation.reallocate(period.line_id, since=period.starts_at)
    attempt = period.attempts.filter(is_live=True).select_related("payment__method").first()
    receipt = issue_receipt(attempt.payment, _sale(period), at=at) if attempt else None
    announcing.tell_renewed(period, receipt, at=at)
    log.info("renewed", subscription=subscription.pk, period=period.number)


def _sale(period: Period) -> Sale:
    """Return what the period's receipt says."""
    account = period.line.account
    return Sale(
        buyer=account,
        item=period.plan_name,
        price=period.price,
        tax_rate=period.tax_rate,
        tax_word=tax_word(period.subscription.market, language_of(account)),
        starts_at=period.starts_at,
        ends_at=period.ends_at,
    )


def _fill(period: Period) -> None:
    """Give the period its data. What was used in grace counts towards it."""
    plan = period.plan
    assert plan is not None  # noqa: S101 -- the portal's periods have a plan
    grace = period.buckets.first()
    if grace is None:
        create_bucket(period, plan)
        return
    Bucket.objects.filter(pk=grace.pk).update(**data_columns(plan))
