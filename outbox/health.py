"""Checks for `/healthz`."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.utils.timezone import now

from moportal.health import Unhealthy
from outbox.models import Heartbeat

SILENCE = timedelta(seconds=30)


def database() -> None:
    """Refuse when the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise Unhealthy("the database does not answer") from error


def worker() -> None:
    """Refuse when no worker has come round through the broker for half a minute."""
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
    except DatabaseError as error:
        raise Unhealthy("the database does not answer") from error
    if beat is None or beat.at < now() - SILENCE:
        raise Unhealthy("no worker has come round through the broker lately")
