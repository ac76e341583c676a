"""The worker's heartbeat, as a figure of `/readyz`."""

from django.db import DatabaseError
from django.utils.timezone import now

from outbox.models import Heartbeat


def seconds_since_heartbeat() -> float | None:
    """Return the heartbeat's age. None: no worker has run yet, or the database does not answer.

    The reconciler stores a heartbeat every five seconds while
    beat, broker and a worker run.
    """
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
    except DatabaseError:
        return None
    return round((now() - beat.at).total_seconds(), 1) if beat else None
