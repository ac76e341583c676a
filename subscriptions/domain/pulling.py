"""Usage is fetched from the charging system page by page, by a task of the outbox.

The outbox lets one worker at a time fetch, and repeats a failed round. A page's records are stored
in one transaction with the cursor after them. So after a lost answer or a dead worker the page is
fetched again, and a page that was stored is not.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from outbox.calls import record_call
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.charging import charging_system
from subscriptions.charging.base import ChargingSystem, ChargingUnavailable, Page
from subscriptions.domain import usage
from subscriptions.models import ChargingCall, UsagePull

log = structlog.get_logger(__name__)
KIND = "usage_pull"
POLL_INTERVAL = timedelta(seconds=10)
# A pull that is far behind goes on in another round, so that it does not keep a worker for long.
PAGES_PER_ROUND = 50


def request_pull() -> None:
    """Enqueue the task that fetches usage, if an adapter is set.

    The task stays open and repeats itself. This starts it, and starts it again after a crash. It
    leaves a task alone that waits after a failure.
    """
    if not settings.CHARGING:
        return
    # Each charging system has its own cursor. Another source
    # starts from its first record.
    pull, _is_new = UsagePull.objects.get_or_create(source=settings.CHARGING_SOURCE)
    if not pull.tries:
        enqueue(KIND, pull.pk)


def fetch_usage(subject: str, lease: Lease) -> RetryAfter | None:
    """Fetch what has become known since the last page. This is the outbox's handler for pulls."""
    pull = UsagePull.objects.get(pk=subject)
    system = charging_system()
    if system is None or pull.source != settings.CHARGING_SOURCE:
        return None
    try:
        has_more = _fetch_round(system, pull, lease)
    except ChargingUnavailable as error:
        return RetryAfter(count_failure(pull, error))

    UsagePull.objects.filter(pk=pull.pk).exclude(tries=0).update(tries=0, last_error="")
    return RetryAfter(timedelta() if has_more else POLL_INTERVAL)


def _fetch_round(system: ChargingSystem, pull: UsagePull, lease: Lease) -> bool:
    """Fetch pages up to the round's limit, and return whether there are more."""
    for _ in range(PAGES_PER_ROUND):
        page = _fetch_page(system, pull, lease)
        _store_page(pull, page, lease)
        if not page.has_more:
            return False
    return True


def _fetch_page(system: ChargingSystem, pull: UsagePull, lease: Lease) -> Page:
    def send() -> Page:
        page = system.usage(pull.cursor, limit=settings.USAGE_BATCH)
        # Otherwise the same page would be fetched in an endless loop.
        if page.has_more and page.cursor == pull.cursor:
            raise ChargingUnavailable("more records, but the same cursor", was_sent=True)
        return page

    call = ChargingCall(pull=pull, after=pull.cursor)
    return record_call(call, send, before_call=lease.cover_call, describe=_describe)


def _describe(page: Page) -> dict[str, Any]:
    outcome = ChargingCall.Outcome.ANSWERED
    return {"outcome": outcome, "detail": f"{len(page.records)} records"}


@transaction.atomic
def _store_page(pull: UsagePull, page: Page, lease: Lease) -> None:
    """Store a page's records and the cursor after them.

    Raises `outbox.domain.LeaseLost` if another worker fetches by now. Until the commit no other
    worker can take the lease, because its row is locked.
    """
    lease.renew()
    tally = usage.store_records(pull.source, page.records, now())
    refused = F("refused") + len(tally.refused)
    UsagePull.objects.filter(pk=pull.pk).update(cursor=page.cursor, refused=refused)

    for refusal in tally.refused:
        log.warning(
            "usage record refused",
            source=pull.source,
            after=pull.cursor,
            index=refusal.index,
            parameter=refusal.parameter,
            detail=refusal.detail,
        )
    if page.records:
        log.info("usage fetched", taken=tally.taken, repeated=tally.repeated)
    pull.cursor = page.cursor
