"""Usage is fetched from the charging system, page by page, by one worker at a time.

Each call is written down before it is made, on the source's row, which also holds the lease. A page
is stored in one transaction with its cursor: what was lost on the way is asked for again, what was
stored is not.
"""

import secrets
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.timezone import now

from moportal.statements import compare_and_set
from subscriptions.charging import charging_system
from subscriptions.charging.base import ChargingSystem, ChargingUnavailable, Page
from subscriptions.domain import usage
from subscriptions.models import UsagePull

log = structlog.get_logger(__name__)
# Pages in one round: one that has fallen behind catches up without keeping a worker for ever.
MOST_PAGES = 50


class LeaseLost(Exception):
    """The lease ran out and another worker fetches: stop without a trace."""


def pull() -> None:
    """Fetch what has become known since the last time, if usage is fetched at all."""
    system = charging_system()
    if system is None:
        return
    pull, _ = UsagePull.objects.get_or_create(source=settings.CHARGING_SOURCE)
    token = secrets.token_hex(16)
    if not _claim(pull, token):
        return
    try:
        _fetch(system, pull, token)
    except ChargingUnavailable as error:
        log.warning("no usage fetched", source=pull.source, detail=str(error))
        _release(pull, token, trouble=str(error)[:200])
    except LeaseLost:
        log.warning("lease lost", source=pull.source)
    except Exception as error:
        _release(pull, token, trouble=type(error).__name__)
        raise
    else:
        _release(pull, token, trouble="")


def _claim(pull: UsagePull, token: str) -> bool:
    """Take the lease if nobody holds it: of two workers one wins."""
    at = now()
    is_free = Q(lease_until=None) | Q(lease_until__lt=at)
    free = UsagePull.objects.filter(is_free, pk=pull.pk)
    until = at + timedelta(seconds=settings.OUTBOX_LEASE)
    if not free.update(lease_until=until, lease_token=token):
        return False
    pull.refresh_from_db()
    return True


def _release(pull: UsagePull, token: str, *, trouble: str) -> None:
    mine = {"lease_token": token}
    compare_and_set(UsagePull, pull.pk, mine, lease_until=None, lease_token="", trouble=trouble)


def _fetch(system: ChargingSystem, pull: UsagePull, token: str) -> None:
    for _ in range(MOST_PAGES):
        _about_to_ask(pull, token)
        page = system.usage(pull.cursor, limit=settings.USAGE_BATCH)
        if page.has_more and page.cursor == pull.cursor:
            raise ChargingUnavailable("there is more, but the cursor stands still", was_sent=True)
        _keep(pull, token, page)
        if not page.has_more:
            return


def _about_to_ask(pull: UsagePull, token: str) -> None:
    """Write the call down and hold on for another lease's length, or raise `LeaseLost`."""
    at = now()
    until = at + timedelta(seconds=settings.OUTBOX_LEASE)
    if not compare_and_set(
        UsagePull, pull.pk, {"lease_token": token}, asked_at=at, lease_until=until
    ):
        raise LeaseLost


@transaction.atomic
def _keep(pull: UsagePull, token: str, page: Page) -> None:
    """Store a page and how far it goes; raises `LeaseLost` where another worker was first."""
    at = now()
    as_asked = {"lease_token": token, "cursor": pull.cursor}
    if not compare_and_set(UsagePull, pull.pk, as_asked, cursor=page.cursor, answered_at=at):
        raise LeaseLost
    tally = usage.record(pull.source, page.records, at)
    if tally.refused:
        mine = UsagePull.objects.filter(pk=pull.pk)
        mine.update(refused=F("refused") + len(tally.refused))
    for refusal in tally.refused:
        log.warning(
            "usage record refused",
            source=pull.source,
            after=pull.cursor,
            place=refusal.index,
            parameter=refusal.parameter,
            detail=refusal.detail,
        )
    if page.records:
        log.info("usage fetched", taken=tally.taken, repeated=tally.repeated)
    pull.cursor = page.cursor
