"""Delete rows whose time is over: one task for each table, in bounded batches.

A task may run twice, and two workers may run it at the same time: each deletes other rows. A table
that fails does not stop the others.
"""

from datetime import timedelta

import structlog

from moportal import retention
from outbox.domain import Lease, RetryAfter, enqueue

log = structlog.get_logger(__name__)
KIND = "purge"


def request_purge() -> None:
    """Enqueue a task for each table from which rows are deleted."""
    for label in retention.purged():
        enqueue(KIND, label)


def purge(subject: str, _lease: Lease) -> RetryAfter | None:
    """Delete one batch of the table's rows, until a batch is empty: the outbox's handler."""
    deleted = retention.purge(subject)
    if not deleted:
        return None
    log.info("rows purged", table=subject, rows=deleted)
    return RetryAfter(timedelta())
