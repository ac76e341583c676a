"""The checks that `/healthz` runs."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.utils.timezone import now

from moportal.health import Unhealthy
from outbox.models import Heartbeat

# Six rounds of the reconciler. Each round stores a heartbeat.
LONGEST_SILENCE = timedelta(seconds=30)


def database() -> None:
    """Raise `Unhealthy` when the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise Unhealthy("the database does not answer") from error


def worker() -> None:
    """Raise `Unhealthy` when no worker has processed a broker message for 30 seconds."""
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
    except DatabaseError as error:
        raise Unhealthy("the database does not answer") from error
    if beat is None or beat.at < now() - LONGEST_SILENCE:
        raise Unhealthy("no worker has processed a broker message for 30 seconds")
