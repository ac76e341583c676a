"""Renew a subscription, or end it: the only code that makes periods and decides to charge them.

It runs in workers, under the outbox's lease, and reads what is stored each time. A period is a row
before anything is called. Its amount is authorised, and it is made ready in the network, up to a
day before it begins. At its start the charge is decided, and captured. Until then a cancel wins.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from moportal.database.statements import compare_and_set
from moportal.http_client import ServiceUnavailable
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from payments.gateways.base import GatewayRefused
from subscriptions.domain import (
    announcing,
    cheaper,
    giving_back,
    overdue,
    parking,
    paying,
    present,
    service,
)
from subscriptions.domain.bounds import READY_BEFORE, TOLD_BEFORE
from subscriptions.domain.paying import Charge
from subscriptions.domain.periods import open_period, paid_and_coming, plan_next
from subscriptions.models import KIND, Attempt, Period, Subscription
from subscriptions.networks.base import NetworkRefused
from subscriptions.states import RUNNING, ParkReason, SubscriptionState

log = structlog.get_logger(__name__)
# A task stays open for a subscription that must be processed again within this time.
SOON = timedelta(minutes=10)
# Beat does not enqueue a subscription again while a worker may still process it.
ENQUEUED_FOR = timedelta(hours=1)
CHECK_OVERDUE_EVERY = timedelta(days=1)
BATCH = 2000
# How many are enqueued in one transaction.
AT_A_TIME = 200


def enqueue_due() -> int:
    """Enqueue the subscriptions that are due, the oldest first, and return how many.

    The next round takes those beyond the batch, so an outage is caught up without a storm.
    """
    at, enqueued = now(), 0
    while enqueued < BATCH and (more := _enqueue_some(at)):
        enqueued += more
    return enqueued


@transaction.atomic
def _enqueue_some(at: datetime) -> int:
    """Enqueue the next of those that were due at this time, and return how many."""
    # Those that another process is enqueuing right now are skipped.
    free = due_since(at).select_for_update(skip_locked=True, no_key=True)
    found = list(free.values_list("pk", flat=True)[:AT_A_TIME])
    Subscription.objects.filter(pk__in=found).update(due_at=at + ENQUEUED_FOR)
    for pk in found:
        enqueue(KIND, pk)
    return len(found)


def due_since(at: datetime) -> QuerySet[Subscription]:
    """Return the subscriptions that were due at this time, the oldest first."""
    return Subscription.objects.filter(due_at__lte=at).order_by("due_at")


def enqueue_of_payment(payment: str) -> None:
    """Enqueue the subscription that has a period paid by the payment with this key."""
    for attempt in Attempt.objects.filter(payment_id=payment).select_related("period"):
        enqueue(KIND, attempt.period.subscription_id)


def process(subject: str, lease: Lease) -> RetryAfter | None:
    """Advance the subscription as far as possible now; the outbox's handler for subscriptions."""
    related = Subscription.objects.select_related("plan", "mandate__method", "line__account")
    subscription = related.get(pk=subject)
    if subscription.state == SubscriptionState.PREPARED:
        return None
    if not subscription.renews:
        return giving_back.tell_network(subscription, lease)
    structlog.contextvars.bind_contextvars(subscription=subscription.reference)
    decided, errors = _decision_of_customer(subscription), list[ServiceUnavailable]()
    # If a service is down, the other steps still run: grace and hold must not wait for it.
    for step in (_catch_up, giving_back.give_what_is_owed, overdue.follow_time, _tell_network):
        try:
            step(subscription, lease)
        except ServiceUnavailable as error:
            errors.append(error)
        except GatewayRefused as error:
            # The gateway neither voids nor refunds. The clock goes on, and nothing more is charged.
            log.error("the gateway refuses: staff must act", detail=str(error))  # noqa: TRY400
            parking.park(subscription, ParkReason.FAULT)
        subscription.refresh_from_db()
        if _decision_of_customer(subscription) != decided:
            # Race: the customer has decided something that the earlier steps have not seen. The
            # later steps could end the plan or put it on hold, so all steps begin again.
            return RetryAfter(timedelta())
    if errors:
        return RetryAfter(count_failure(subscription, *errors))
    return _wait(subscription)


def _decision_of_customer(subscription: Subscription) -> tuple[int | None, int | None]:
    """Return what the customer has decided: how the plan is paid, and whether it is cancelled."""
    return subscription.mandate_id, subscription.last_number


def _catch_up(subscription: Subscription, lease: Lease) -> None:
    """Pay the next period. After an outage, also pay those that have begun meanwhile, in order."""
    paying.let_go_of_lapsed(subscription, lease)
    while _renew(subscription, lease):
        subscription.refresh_from_db()


def _renew(subscription: Subscription, lease: Lease) -> bool:
    """Pay the next period. If the plan was ended at once, clear that period away.

    Returns whether something may be left to do at once.
    """
    paid, period = paid_and_coming(subscription)
    if subscription.state == SubscriptionState.ENDED:
        overdue.clear_away(subscription, period, lease)
        return False
    if cheaper.begin_if_due(subscription, paid):
        return True
    if subscription.parked_because or subscription.changing:
        return False
    return _pay_next(subscription, paid, period, lease)


def _pay_next(
    subscription: Subscription, paid: Period, period: Period | None, lease: Lease
) -> bool:
    """Pay the next period, and open it once it begins."""
    is_last = subscription.is_cancelled and subscription.decided_number == paid.number
    if is_last and period is not None:
        paying.let_go(period, lease)
    ahead = _time(paid.ends_at) - now()
    if is_last or ahead > TOLD_BEFORE:
        return False
    if ahead > timedelta():
        announcing.tell_ahead(subscription, paid)
    if ahead > READY_BEFORE:
        return False
    if period is None:
        period = plan_next(subscription, paid)
    if not paying.make_payable(period, due_since=_time(paid.ends_at), lease=lease):
        return False
    return _charge(subscription, paid, period, lease)


def _charge(subscription: Subscription, paid: Period, period: Period, lease: Lease) -> bool:
    """Charge the period once it begins. Returns whether something may be left to do at once."""
    if now() < _time(period.starts_at or paid.ends_at):
        return False
    # If a cancel came first, the next steps see it.
    if not _decide_to_charge(subscription, paid, period):
        return False
    charge = paying.capture(period, lease)
    if charge == Charge.DONE:
        open_period(period, at=now())
        # After an outage, the period may be nearly over, or over.
        return _time(period.ends_at) - now() <= TOLD_BEFORE
    return charge == Charge.LAPSED


def _decide_to_charge(subscription: Subscription, paid: Period, period: Period) -> bool:
    """Decide to charge, by compare-and-set against a cancel. There is no way back."""
    if subscription.decided_number == period.number:
        return True
    expected = {
        "decided_number": paid.number,
        "last_number": None,
        "changing": "",
        "parked_because": "",
        # Race: the customer may have chosen another plan or method, or undone that.
        "mandate": subscription.mandate_id,
        # Race: time may have been given back, so the period begins later now.
        "anchored_at": subscription.anchored_at,
        # Race: another worker may have put it on hold, or ended it. Then this period has lapsed.
        "state": subscription.state,
    }
    return compare_and_set(Subscription, subscription.pk, expected, decided_number=period.number)


def _tell_network(subscription: Subscription, lease: Lease) -> None:
    """Tell the network what is stored. If it refuses, nothing is charged until staff act."""
    try:
        service.bring_up_to_date(subscription, lease)
    except NetworkRefused as error:
        # A refusal is not a bug, so the log needs no traceback. The row of the call says why.
        log.error("the network refuses: staff must act", detail=str(error))  # noqa: TRY400
        parking.park(subscription, ParkReason.FAULT)


def _wait(subscription: Subscription) -> RetryAfter | None:
    """Store when the subscription is due next. The task stays open if that is soon."""
    if subscription.state not in RUNNING:
        return None
    due_at = _next_due(subscription)
    changes = {"due_at": due_at, "tries": 0, "last_error": ""}
    compare_and_set(Subscription, subscription.pk, {"state": RUNNING}, **changes)
    delay = due_at - now()
    return RetryAfter(delay) if delay < SOON else None


def _next_due(subscription: Subscription) -> datetime:
    """Return when something happens next: a try, a start, the end of grace or of hold."""
    at = now()
    paid, period = paid_and_coming(subscription)
    ends_at = _time(paid.ends_at)
    times: list[datetime | None] = [ends_at - TOLD_BEFORE, ends_at - READY_BEFORE, ends_at]
    times += overdue.turning_points(paid, period)
    if at >= ends_at:
        # The reason that prevented a try, or the end, may be gone by then.
        times += [at + CHECK_OVERDUE_EVERY, present.time_to_ask_again(subscription)]
    if period is not None and not subscription.is_cancelled:
        times.append(paying.time_of_next_try(period, due_since=ends_at))
    return min(time for time in times if time and time > at)


def _time(moment: datetime | None) -> datetime:
    assert moment is not None  # noqa: S101 -- paid_period_has_its_time
    return moment
