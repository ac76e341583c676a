"""Delete rows whose time is over: one task for each table, in bounded batches.

A task may run twice, and two workers may run it at the same time: each deletes other rows. A table
that fails does not stop the others.
"""

from datetime import timedelta

import structlog
from django.utils.timezone import now

from moportal import retention
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.models import Task

log = structlog.get_logger(__name__)
KIND = "purge"
ALMOST_A_DAY = timedelta(hours=23)


def request_purge() -> None:
    """Enqueue a task for each table that was not purged today. Beat calls this every hour.

    So a day on which beat or all workers were down is made up for.
    """
    today = Task.objects.filter(kind=KIND, closed_at__gte=now() - ALMOST_A_DAY)
    done = set(today.values_list("subject", flat=True)) - retention.hourly()
    for label in retention.purged():
        if label not in done:
            enqueue(KIND, label)


def purge(subject: str, _lease: Lease) -> RetryAfter | None:
    """Delete one batch of the table's rows, until a batch is empty: the outbox's handler."""
    deleted = retention.purge(subject)
    if not deleted:
        return None
    log.info("rows purged", table=subject, rows=deleted)
    return RetryAfter(timedelta())
