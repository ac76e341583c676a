"""What the clock does to a subscription whose next period is not paid: grace, hold, the end.

In grace a small allowance of the next period can be used, and counts towards it when it is paid. On
hold the service is off, and nothing is owed for that time (docs/contract.md#subscriptions).
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from moportal.database.statements import compare_and_set, move
from outbox.domain import Lease
from payments.domain import mandates
from payments.states import MandateEnd, PaymentState
from subscriptions.domain import allocation, announcing, chosen, paying
from subscriptions.domain.bounds import GRACE, GRACE_AGAIN, HOLD, grace_bytes
from subscriptions.domain.lifecycle import cut_short
from subscriptions.domain.periods import (
    lock_planned,
    paid_and_coming,
    plan_after_hold,
    plan_next,
)
from subscriptions.models import Bucket, Period, Subscription
from subscriptions.states import (
    NEXT_PERIOD_STATES,
    NEXT_SUBSCRIPTION_STATES,
    RUNNING,
    ParkReason,
    PeriodState,
    SubscriptionState,
)

log = structlog.get_logger(__name__)


def follow_time(subscription: Subscription, lease: Lease) -> None:
    """Start grace or hold, or end the plan, once it is time.

    Raises `GatewayUnavailable` if an attempt cannot be ended yet.
    """
    if subscription.state not in RUNNING:
        return
    paid, coming = paid_and_coming(subscription)
    at = now()
    ends_at = paid.ends_at
    assert ends_at is not None  # noqa: S101 -- paid_period_has_its_time
    if at < ends_at:
        return
    # An order is changing the plan right now. It will either pay or release the plan.
    is_decided = subscription.decided_number > paid.number or bool(subscription.changing)
    is_over = at >= ends_at + HOLD and not subscription.parked_because
    if not is_decided and (subscription.is_cancelled or is_over):
        _end(subscription, paid, coming, lease)
        return
    period = coming or plan_next(subscription, paid)
    is_fault = is_decided or _is_fault_of_the_operator(subscription, period)
    if subscription.state == SubscriptionState.ACTIVE:
        _leave_active(subscription, period, at, is_fault=is_fault)
    elif subscription.state == SubscriptionState.GRACE:
        _leave_grace(subscription, period, at, is_fault=is_fault)


def turning_points(paid: Period, coming: Period | None) -> list[datetime | None]:
    """Return when grace and hold end."""
    hold_ends_at = paid.ends_at + HOLD if paid.ends_at else None
    return [coming.grace_until if coming else None, hold_ends_at]


def _is_fault_of_the_operator(subscription: Subscription, period: Period) -> bool:
    """Return whether the customer is not the reason why the period is not paid yet.

    The operator parked the plan or does not list the gateway, or the gateway has not answered.
    """
    attempt = paying.live_attempt(period)
    is_unanswered = attempt is not None and attempt.payment.state != PaymentState.PENDING
    is_parked = subscription.parked_because == ParkReason.FAULT
    return is_parked or is_unanswered or paying.lacks_gateway(subscription)


def _leave_active(
    subscription: Subscription, period: Period, at: datetime, *, is_fault: bool
) -> None:
    assert period.starts_at is not None  # noqa: S101 -- it follows a paid period
    grace_until = period.starts_at + GRACE
    if is_fault:
        _start_grace(subscription, period, max(grace_until, at + GRACE), by_fault=True)
    elif at < grace_until and _may_have_grace(subscription, period, at):
        _start_grace(subscription, period, grace_until)
    else:
        _start_hold(subscription, period)


def _leave_grace(
    subscription: Subscription, period: Period, at: datetime, *, is_fault: bool
) -> None:
    if period.grace_until is None or at < period.grace_until:
        return
    if is_fault:
        # The customer must not lose the service because of that fault.
        later = period.grace_until + GRACE
        _prolong_grace(subscription, period, later)
        return
    _start_hold(subscription, period)


def _may_have_grace(subscription: Subscription, period: Period, at: datetime) -> bool:
    """Return whether neither the line nor the payment method had grace within `GRACE_AGAIN`.

    Grace that was caused by a fault of the operator does not count.
    """
    same = Q(line=period.line_id)
    if subscription.mandate is not None:
        same |= Q(attempts__payment__method=subscription.mandate.method_id)
    own = Period.objects.filter(same, grace_by_fault=False)
    had = own.filter(grace_until__gt=at - GRACE_AGAIN).exclude(pk=period.pk)
    return not had.exists() and subscription.parked_because != ParkReason.DISPUTE


@transaction.atomic
def _start_grace(
    subscription: Subscription, period: Period, until: datetime, *, by_fault: bool = False
) -> None:
    # The period's row comes first: in this order, two workers cannot deadlock.
    if not lock_planned(period):
        return
    if not move(subscription, NEXT_SUBSCRIPTION_STATES, SubscriptionState.GRACE):
        return
    plan = period.plan
    assert plan is not None  # noqa: S101 -- it is planned
    _allow_until(subscription, period, until, by_fault=by_fault)
    Bucket.objects.create(
        period=period,
        kind=Bucket.Kind.ALLOWANCE,
        total_bytes=grace_bytes(plan),
        countries=list(plan.countries.values_list("country", flat=True)),
    )
    assert period.starts_at is not None  # noqa: S101 -- it is planned
    allocation.reallocate(period.line_id, since=period.starts_at)
    announcing.tell_grace(period, until=until)
    log.info("grace", subscription=subscription.pk)


@transaction.atomic
def _prolong_grace(subscription: Subscription, period: Period, until: datetime) -> None:
    # Race: the period may have been paid meanwhile.
    if lock_planned(period):
        _allow_until(subscription, period, until, by_fault=period.grace_by_fault)


def _allow_until(
    subscription: Subscription, period: Period, until: datetime, *, by_fault: bool
) -> None:
    """Let the allowance be used until this time. The caller has locked the period.

    During a dispute nothing can be used. The time of grace is stored all the same.
    """
    assert period.ends_at is not None  # noqa: S101 -- it is planned
    # Race: a dispute may park the plan at the same time. It cuts short what is stored before.
    locked = Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    is_off = locked.parked_because == ParkReason.DISPUTE
    usable_until = period.starts_at if is_off else min(until, period.ends_at)
    times = {"grace_until": until, "usable_until": usable_until}
    planned = {"state": PeriodState.PLANNED}
    compare_and_set(Period, period.pk, planned, **times, grace_by_fault=by_fault)


@transaction.atomic
def _start_hold(subscription: Subscription, period: Period) -> None:
    # Race: another worker may have decided to charge the period, or opened it. The customer may
    # have chosen another method.
    expected = {
        "state": subscription.state,
        "decided_number": subscription.decided_number,
        "mandate": subscription.mandate_id,
        "changing": "",
    }
    if not lock_planned(period) or not compare_and_set(
        Subscription, subscription.pk, expected, state=SubscriptionState.ON_HOLD
    ):
        return
    plan_after_hold(period)
    announcing.tell_on_hold(period)
    log.info("on hold", subscription=subscription.pk)


def clear_away(subscription: Subscription, period: Period | None, lease: Lease) -> None:
    """Void what is authorised, and let the planned period lapse, after a plan was ended at once."""
    if period is not None:
        paying.let_go(period, lease)
    _drop_upcoming(subscription, period)


def _drop_upcoming(subscription: Subscription, period: Period | None) -> None:
    """Let the planned period lapse, and end the mandate, because the plan is over."""
    if period is not None:
        move(period, NEXT_PERIOD_STATES, PeriodState.LAPSED)
    chosen.drop(subscription, reason=MandateEnd.OVER)
    if subscription.mandate is not None:
        mandates.end(subscription.mandate, reason=MandateEnd.OVER)


def _end(subscription: Subscription, paid: Period, period: Period | None, lease: Lease) -> None:
    """End the subscription for good. Nothing stays authorised."""
    if period is not None:
        paying.let_go(period, lease)
    with transaction.atomic():
        # Race: a cancel may have been undone, or another method chosen, meanwhile.
        expected = {
            "state": subscription.state,
            "mandate": subscription.mandate_id,
            "last_number": subscription.last_number,
            "decided_number": paid.number,
            "changing": "",
        }
        changes = {"state": SubscriptionState.ENDED, "due_at": None}
        if not compare_and_set(Subscription, subscription.pk, expected, **changes):
            return
        _drop_upcoming(subscription, period)
        # The rest of the allowance in grace can't be used any more.
        at = now()
        cut_short(Period.objects.filter(subscription=subscription), at=at)
        allocation.reallocate(subscription.line_id, since=at)
        announcing.tell_ended(subscription)
        log.info("ended", subscription=subscription.pk)
