"""What waits after something about an account's access has changed.

An owner needs time to notice that somebody else has taken the account over. Until then the intruder
must not be able to do much with it.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max
from django.utils.timezone import now

from accounts.models import AccessEvent, User

Kind = AccessEvent.Kind
RECOVERIES = frozenset({Kind.RECOVERED, Kind.RECOVERED_BY_CODE, Kind.SUPPORT_RECOVERED})
CHANGES = RECOVERIES | {
    Kind.PASSWORD_CHANGED,
    Kind.PASSWORD_SET,
    Kind.ADDRESS_ADDED,
    Kind.ADDRESS_REMOVED,
    Kind.ADDRESS_LOST,
    # The number has a new SIM or a new subscriber.
    Kind.ADDRESS_DOUBTED,
    Kind.IDENTIFIER_CHANGED,
    Kind.JOINED,
    Kind.UNLINKED,
}
# How long a change counts as recent.
RECENT = timedelta(days=7)


def restrained_until(account: User) -> datetime | None:
    """Return until when the account may not attach, move or pay on the bill, or None.

    This is so for a day after a recovery (RECOVERY_RESTRAINT_HOURS).
    """
    latest = _latest(account, RECOVERIES)
    until = latest and latest + timedelta(hours=settings.RECOVERY_RESTRAINT_HOURS)
    return until if until and until > now() else None


def has_changed_lately(account: User, *, sim_changed_at: datetime | None = None) -> bool:
    """Return whether the SIM, the password or the addresses changed within a week."""
    times = [_latest(account, CHANGES), sim_changed_at]
    return any(at is not None and at > now() - RECENT for at in times)


def delay_of_move(account: User, *, sim_changed_at: datetime | None = None) -> timedelta:
    """Return how long an attach or a move waits, so that its owner can stop it.

    It waits MOVE_WAIT_HOURS if something changed lately. Otherwise it does not wait.
    """
    waits = has_changed_lately(account, sim_changed_at=sim_changed_at)
    return timedelta(hours=settings.MOVE_WAIT_HOURS if waits else 0)


def _latest(account: User, kinds: frozenset[Kind]) -> datetime | None:
    found = AccessEvent.objects.filter(account=account, kind__in=kinds).aggregate(at=Max("at"))
    at: datetime | None = found["at"]
    return at
