"""Ways out of the walled garden: requested, opened by the network, and closed again.

1. A customer without a plan must reach a bank's page, which may be on any host. The portal stores a
   way out for the SIM, and a worker asks the network to open it.
2. The portal closes it when the customer is back. Otherwise it lapses by itself.

A SIM has at most one way out at a time. If the network may have opened a way out, the portal closes
it there, even if the answer to the opening was lost. A number that was closed never opens again
(`subscriptions.networks.base`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit, Locked
from esim.models import Sim
from moportal.database.statements import move
from outbox.calls import Outcome, record_call
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.models import WayOut, WayOutCall
from subscriptions.networks import network
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable, Opening
from subscriptions.states import NEXT_WAY_STATES, WAY_UNDER_WAY, WayOutState, WayRefusal

log = structlog.get_logger(__name__)
KIND = "way_out"
WINDOW = timedelta(days=1)
# How long the customer waits for a way out before the page offers other payment methods.
PATIENCE = timedelta(seconds=8)
# This long after its end, a way out that could not be closed counts as closed: it has lapsed.
LAPSED_FOR_SURE = timedelta(hours=1)
NO_ANSWER = (NetworkUnavailable, ImproperlyConfigured)


@transaction.atomic
def request(sim: Sim, *, reference: str) -> WayOut:
    """Store that this SIM needs a way out, and enqueue the task that opens it.

    If the SIM has a way out for the same reference, that one is returned. A way out for another
    reference is closed first.
    """
    # Two requests at once wait here for each other.
    Sim.objects.select_for_update(no_key=True).get(pk=sim.pk)
    for way in WayOut.objects.filter(sim=sim, state__in=WAY_UNDER_WAY):
        if way.reference == reference and not _has_lapsed(way):
            return way
        _begin_closing(way)
    new = WayOut.objects.create(
        sim=sim,
        reference=reference,
        minutes=settings.WAY_OUT_MINUTES,
        megabytes=settings.WAY_OUT_MEGABYTES,
    )
    enqueue(KIND, new.pk)
    return new


def close(reference: str) -> None:
    """Close the way for this reference, because the customer no longer needs it."""
    with transaction.atomic():
        for way in WayOut.objects.filter(reference=reference, state__in=WAY_UNDER_WAY):
            _begin_closing(way)


def latest(reference: str) -> WayOut | None:
    """Return the newest way for this reference, or None."""
    return latest_of([reference])


def latest_of(references: Iterable[str]) -> WayOut | None:
    """Return the newest way for one of these references, or None."""
    return WayOut.objects.filter(reference__in=references).first()


def is_waited_for(way: WayOut) -> bool:
    """Return whether the customer should still wait for this way out."""
    return way.state == WayOutState.ASKED and now() - way.created_at <= 2 * PATIENCE


def advance(subject: str, lease: Lease) -> RetryAfter | None:
    """Open the way, let it lapse, or close it. This is the outbox's handler for ways out."""
    way = WayOut.objects.select_related("sim").get(pk=subject)
    if way.state == WayOutState.ASKED:
        delay = _open(way, lease)
        if delay is not None:
            return RetryAfter(delay)
    if way.state == WayOutState.OPEN and not _has_lapsed(way):
        return RetryAfter(_end(way) - now())
    if way.state == WayOutState.OPEN:
        _move(way, WayOutState.CLOSING)
    return _close(way, lease) if way.state == WayOutState.CLOSING else None


def _open(way: WayOut, lease: Lease) -> timedelta | None:
    """Ask the network for the way. Returns the delay until the next attempt, if there is one."""
    try:
        limiter.count(str(way.pk), _counter(way))
        _send_opening(way, lease)
    except Locked:
        _refuse(way, WayRefusal.LIMIT)
    except NetworkRefused as error:
        count_failure(way, error)
        _refuse(way, WayRefusal.NETWORK)
    except NO_ANSWER as error:
        delay = count_failure(way, error)
        if now() + delay < way.created_at + PATIENCE:
            return delay
        _refuse(way, WayRefusal.NO_ANSWER)
    else:
        # If the customer is back already, the way out is being closed, and this move does nothing.
        _move(way, WayOutState.OPEN, ends_at=_end(way), tries=0, last_error="")
    return None


def _send_opening(way: WayOut, lease: Lease) -> None:
    of_sim = {"iccid": way.sim.iccid, "imsi": way.sim.imsi, "msisdn": way.sim.msisdn}
    opening = Opening(way.pk, **of_sim, minutes=way.minutes, megabytes=way.megabytes)
    record_call(
        WayOutCall(way_out=way, operation="open"),
        lambda: network().open_way(opening),
        before_call=lease.cover_call,
        refusals=(NetworkRefused,),
    )


def _refuse(way: WayOut, refusal: WayRefusal) -> None:
    """Give up the way out. If the network may have opened it, it is closed there."""
    if _may_be_open(way):
        _move(way, WayOutState.CLOSING, refusal=refusal, tries=0)
    elif _move(way, WayOutState.REFUSED, refusal=refusal) and refusal != WayRefusal.LIMIT:
        limiter.forget(str(way.pk), _counter(way))


def _close(way: WayOut, lease: Lease) -> RetryAfter | None:
    """Close the way out in the network. Retry until it has surely lapsed."""
    if _may_be_open(way):
        try:
            record_call(
                WayOutCall(way_out=way, operation="close"),
                lambda: network().close_way(way.sim.iccid, sequence=way.pk),
                before_call=lease.cover_call,
                refusals=(NetworkRefused,),
            )
        except (NetworkRefused, *NO_ANSWER) as error:
            delay = count_failure(way, error)
            if now() < _end(way) + LAPSED_FOR_SURE:
                return RetryAfter(delay)
            log.exception("the network never closed a way out", way_out=way.pk)
    _move(way, WayOutState.CLOSED, closed_at=now())
    return None


def _may_be_open(way: WayOut) -> bool:
    """Return whether the network may have opened the way, even if that answer was lost."""
    openings = way.calls.filter(operation="open")
    return openings.exclude(outcome__in=[Outcome.NOT_SENT, Outcome.REFUSED]).exists()


def _has_lapsed(way: WayOut) -> bool:
    return way.state == WayOutState.OPEN and _end(way) <= now()


def _end(way: WayOut) -> datetime:
    """Return when the way out lapses: the network counts from the first call that it received."""
    first = way.calls.filter(operation="open").exclude(outcome=Outcome.NOT_SENT).first()
    return (first.sent_at if first else way.created_at) + timedelta(minutes=way.minutes)


def _begin_closing(way: WayOut) -> None:
    if _move(way, WayOutState.CLOSING, tries=0):
        enqueue(KIND, way.pk)


def _counter(way: WayOut) -> Counter:
    limit = Limit("ways_out", settings.WAY_OUT_LIMIT, WINDOW, lets_repetitions_pass=True)
    return Counter(limit, f"sim:{way.sim.iccid}")


def _move(way: WayOut, new: WayOutState, **fields: object) -> bool:
    """Move the way by compare-and-set, and return whether this call moved it.

    Nothing else writes a way's state.
    """
    is_moved = move(way, NEXT_WAY_STATES, new, **fields)
    log.info("way out", way_out=way.pk, state=way.state, moved=is_moved)
    return is_moved
