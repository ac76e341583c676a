"""Fetch the gateways' books day by day. Each day has a task of the outbox.

The day's row is stored before the gateway is asked. One transaction stores a page's entries and the
place where the next page begins. So after a lost answer or a dead worker the page is fetched again,
and no entry is stored twice.
"""

from datetime import date, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils.timezone import now

from outbox.calls import Outcome
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from payments.domain import comparing, differences
from payments.domain.booked import first_day
from payments.domain.calls import call_gateway
from payments.domain.entries import store_entries
from payments.gateways import gateway, gateways, offers
from payments.gateways.base import Ability, GatewayUnavailable
from payments.gateways.entries import EntryPage
from payments.models import BookDay

log = structlog.get_logger(__name__)
KIND = "book_day"
ONE_DAY = timedelta(days=1)
# The most days of a gateway that are begun at once, after a long pause.
MOST_DAYS = 40


def request_books() -> None:
    """Enqueue the days that are over and not fetched, and those with open differences.

    A day is over once it is over in every time zone. The first day of a gateway is the last one
    that was over when the gateway was first listed. A task that waits for a retry is left alone.
    """
    over = first_day(now()) - ONE_DAY
    for name, adapter in gateways().items():
        if Ability.BOOKS in adapter.abilities:
            _store_days(name, over)
    days = BookDay.objects.filter(gateway__in=gateways())
    for pk in days.filter(is_complete=False, tries=0).values_list("pk", flat=True):
        enqueue(KIND, pk)
    _compare_open_days()


def _store_days(name: str, over: date) -> None:
    """Store a row for each day after the last stored one, up to and including the day `over`."""
    last = BookDay.objects.filter(gateway=name).order_by("day").last()
    first = last.day + ONE_DAY if last else over
    count = min((over - first).days + 1, MOST_DAYS)
    days = [BookDay(gateway=name, day=first + number * ONE_DAY) for number in range(count)]
    BookDay.objects.bulk_create(days, ignore_conflicts=True)


def _compare_open_days() -> None:
    """Enqueue the complete days that have open differences.

    What was missing at the portal or at the gateway may be there by now.
    """
    for row in differences.open_differences().values("gateway", "day").distinct():
        days = BookDay.objects.filter(is_complete=True, **row)
        days.update(compared_at=None)
        for pk in days.values_list("pk", flat=True):
            enqueue(KIND, pk)


def fetch_again(day: BookDay) -> bool:
    """Enqueue a day to be fetched and compared again. Returns False if its gateway lists no books.

    A day that was imported from a file stays complete.
    """
    if not offers(day.gateway, Ability.BOOKS):
        return False
    again = {"is_complete": False, "compared_at": None, "after": "", "tries": 0, "last_error": ""}
    BookDay.objects.filter(pk=day.pk).update(**again)
    enqueue(KIND, day.pk)
    return True


def fetch_day(subject: str, lease: Lease) -> RetryAfter | None:
    """Fetch the rest of a day, and compare it. This is the outbox's handler for days."""
    day = BookDay.objects.get(pk=subject)
    try:
        while not day.is_complete:
            _store_page(day, _fetch_page(day, lease), lease)
    except GatewayUnavailable as error:
        return RetryAfter(count_failure(day, error))
    comparing.compare_complete_days(day.gateway)
    return None


def _fetch_page(day: BookDay, lease: Lease) -> EntryPage:
    def send() -> EntryPage:
        page = gateway(day.gateway).fetch_entries(day.day, after=day.after)
        # Otherwise the same page would be fetched in an endless loop.
        if page.after and page.after == day.after:
            raise GatewayUnavailable("more entries, but the same place", was_sent=True)
        return page

    key = f"{day.gateway} {day.day}"
    return call_gateway("entries", key, send, before_call=lease.cover_call, describe=_describe)


def _describe(page: EntryPage) -> dict[str, Any]:
    return {"outcome": Outcome.ANSWERED, "detail": f"{len(page.entries)} entries"}


@transaction.atomic
def _store_page(day: BookDay, page: EntryPage, lease: Lease) -> None:
    """Store a page's entries, and the place where the next page begins.

    Raises `outbox.domain.LeaseLost` if another worker has taken over. Until the commit no other
    worker can take the lease, because its row is locked.
    """
    lease.renew()
    tally = store_entries(day.gateway, page.entries)
    day.after, day.is_complete = page.after, not page.after
    day.tries, day.last_error = 0, ""
    day.save(update_fields=["after", "is_complete", "tries", "last_error"])
    log.info("entries fetched", day=str(day), new=tally.new, changed=tally.changed)
