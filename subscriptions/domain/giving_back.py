"""Give back the time that a failed download has cost, once for each plan.

The period that runs ends later by that time (`lengthening`). While a month is unpaid, or its charge
is decided, nothing moves. Then the month that is paid next gets the time.

Source of the rule: docs/contract.md#get-balance, "Time".
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from moportal.database.statements import compare_and_set
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import service
from subscriptions.domain.lengthening import lengthen
from subscriptions.domain.periods import last_paid
from subscriptions.models import KIND, Subscription
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
from subscriptions.states import RUNNING, SubscriptionState

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
    if subscription.state != SubscriptionState.ACTIVE:
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


def _give(subscription: Subscription) -> None:
    lost = subscription.lost_time
    assert lost is not None  # noqa: S101 -- the callers have looked
    if lengthen(subscription, lost, given_back=lost):
        log.info("time given back", subscription=subscription.pk)
