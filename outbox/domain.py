"""Enqueue a task, claim it, finish it: the only three things that happen to an outbox row.

A room registers one handler for each of its kinds of task. The handler gets the subject:
the primary key of the room's row. It returns None when nothing is left to do, or a
`RetryAfter` when the task must be processed again. A handler must be safe to run twice:
the lease makes that rare, but not impossible.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from kombu.exceptions import OperationalError as BrokerDown

from moportal.database.statements import compare_and_set, execute_returning
from outbox.models import Task
from outbox.retries import backoff

log = structlog.get_logger(__name__)
# A retry within this delay gets a delayed broker message. The
# reconciler finds later ones.
SOON = timedelta(seconds=30)
# The columns of a task that no worker leases and whose last run raised no error.
FREE: dict[str, Any] = {"lease_until": None, "lease_token": "", "last_error": ""}
# Each is a single statement, on PostgreSQL and on SQLite, so that no other worker can
# write between the check and the change.
ENQUEUE = """INSERT INTO outbox_task
        (kind, subject, not_before, lease_token, attempts, enqueue_count, created_at, last_error)
    VALUES (%s, %s, %s, '', 0, 1, %s, '')
    ON CONFLICT (kind, subject) WHERE closed_at IS NULL
    DO UPDATE SET enqueue_count = outbox_task.enqueue_count + 1, not_before = EXCLUDED.not_before
    RETURNING id"""
CLAIM = """UPDATE outbox_task SET lease_until = %s, lease_token = %s, attempts = attempts + 1
    WHERE id = %s AND closed_at IS NULL AND not_before <= %s
        AND (lease_until IS NULL OR lease_until < %s)
    RETURNING kind, subject, attempts, enqueue_count"""


@dataclass(frozen=True)
class RetryAfter:
    """A handler's answer: the task is not finished, so process it again after this delay."""

    delay: timedelta


@dataclass
class Lease:
    """A worker's lease on a task. The worker makes sure of it before each outside call."""

    task_id: int
    token: str
    # When the row was last seen to have this lease, and got its full length from then.
    renewed_at: datetime | None = None

    def cover_call(self) -> None:
        """Make sure that the lease outlasts an outside call that begins now.

        Raises `LeaseLost` if another worker has claimed the task.
        """
        # Nobody claims a task before its lease has ended. So the row is asked again only
        # when the rest of the lease could be too short for the call.
        if self.renewed_at is None or now() - self.renewed_at >= _renewal_interval():
            self.renew()

    def renew(self) -> None:
        """Extend the lease to its full length from now, and lock its row until the commit.

        A lease that has expired can still be extended, unless another worker has claimed
        the task. Raises `LeaseLost` then.
        """
        at = now()
        until = at + timedelta(seconds=settings.OUTBOX_LEASE)
        still_leased = {"lease_token": self.token}
        if not compare_and_set(Task, self.task_id, still_leased, lease_until=until):
            raise LeaseLost(self.task_id)
        self.renewed_at = at


def _renewal_interval() -> timedelta:
    # A call ends within OUTSIDE_CALL_TIMEOUT. Half of what remains of the lease after
    # that is kept for what the worker does before and after the call.
    return timedelta(seconds=(settings.OUTBOX_LEASE - settings.OUTSIDE_CALL_TIMEOUT) / 2)


@dataclass(frozen=True)
class ClaimedTask:
    """A task as it was when this worker took its lease."""

    lease: Lease
    kind: str
    subject: str
    attempts: int
    enqueue_count: int


class LeaseLost(Exception):
    """The lease ran out and another worker has taken it: stop, and write nothing more."""


Handler = Callable[[str, Lease], RetryAfter | None]
_handlers: dict[str, Handler] = {}


def register(kind: str, handler: Handler) -> None:
    """Set the handler for a kind of task. Call it once, in the app config's `ready`."""
    _handlers[kind] = handler


def enqueue(kind: str, subject: object) -> None:
    """Store that a worker must process this subject, and wake a worker after the commit.

    There is one open row per kind and subject: enqueuing the same task again
    makes that row due now. The row is what counts. The broker message only
    saves the wait for the reconciler.
    """
    at = now()
    with transaction.atomic(savepoint=False):
        # Race: if a worker is finishing this task right now, it notices the higher
        # enqueue_count and lets the task run again (`_finish`).
        [(task_id,)] = execute_returning(ENQUEUE, kind, str(subject), at, at)
        # `robust`: whatever the broker's client raises is logged
        # and does not fail the request.
        transaction.on_commit(lambda: _notify_worker(task_id), robust=True)


def _notify_worker(task_id: int, *, delay: timedelta = timedelta()) -> None:
    try:
        countdown = delay.total_seconds() or None
        current_app.send_task("outbox.tasks.process", args=[task_id], countdown=countdown)
    # The request has succeeded: its row is committed. A broker
    # that is down only costs time.
    except (BrokerDown, OSError) as error:
        log.warning("broker unavailable; the reconciler will find the task", error=str(error))


def due_tasks(limit: int = 200) -> list[int]:
    """Return the ids of open tasks that are due and that no worker has leased, oldest first."""
    at = now()
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
    # The condition on closed_at is that of the partial index open_tasks_by_time.
    due = Task.objects.filter(is_free, closed_at__isnull=True, not_before__lte=at)
    return list(due.order_by("not_before").values_list("pk", flat=True)[:limit])


def process(task_id: int) -> None:
    """Claim the task and run its handler. Do nothing if the task is leased, closed or not due.

    1. Take the lease by compare-and-set: of two workers one wins.
    2. Run the handler, with no transaction open.
    3. Close the row, or set the time of the next run. If the task was enqueued again meanwhile, it
       runs again at once. If the handler raised an error, it runs again after a growing delay.
    """
    structlog.contextvars.clear_contextvars()
    task = _claim(task_id)
    if task is None:
        return
    try:
        answer = _handlers[task.kind](task.subject, task.lease)
    except LeaseLost:
        log.warning("lease lost", kind=task.kind, subject=task.subject)
    except Exception as error:
        log.exception(
            "handler failed", kind=task.kind, subject=task.subject, attempts=task.attempts
        )
        # The handler's bug must not end the task: an order might hold a customer's money.
        last_error = f"{type(error).__name__}: {error}"[:500]
        _release(task.lease, not_before=now() + backoff(task.attempts), last_error=last_error)
    else:
        _finish(task, answer)


def _claim(task_id: int) -> ClaimedTask | None:
    """Take the lease if the task is open, due and free. Each claim counts as an attempt."""
    at, token = now(), secrets.token_hex(16)
    until = at + timedelta(seconds=settings.OUTBOX_LEASE)
    # The token tells this claim from a later one by the same worker.
    rows = execute_returning(CLAIM, until, token, task_id, at, at)
    return ClaimedTask(Lease(task_id, token, renewed_at=at), *rows[0]) if rows else None


def _finish(task: ClaimedTask, answer: RetryAfter | None) -> None:
    at, lease = now(), task.lease
    as_claimed = {"lease_token": lease.token, "enqueue_count": task.enqueue_count}
    outcome = {"closed_at": at} if answer is None else {"not_before": at + answer.delay}

    if not compare_and_set(Task, lease.task_id, as_claimed, **outcome, **FREE):
        # The task was enqueued again while the handler ran, so the handler may have
        # read old data. If the lease was lost instead, this changes nothing and the
        # message finds nothing to do.
        _release(lease, not_before=at)
        _notify_worker(lease.task_id)
    elif answer and answer.delay < SOON:
        # The reconciler runs every five seconds: too slow while a customer is watching.
        _notify_worker(lease.task_id, delay=answer.delay)


def _release(lease: Lease, **changes: object) -> None:
    still_leased = {"lease_token": lease.token}
    compare_and_set(Task, lease.task_id, still_leased, **{**FREE, **changes})
