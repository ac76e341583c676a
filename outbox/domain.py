"""Ring, claim, finish: the only three things that happen to an outbox row.

A room registers a handler for its kind; the handler gets the subject and returns when to look
again (a `RetryAfter`) or nothing when there is nothing left to do. It must be safe to run twice:
the lease makes that rare, not impossible.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from kombu.exceptions import OperationalError as BrokerDown

from moportal.statements import compare_and_set, execute_returning
from outbox.models import Task
from outbox.retries import backoff

log = structlog.get_logger(__name__)
# A look this near is asked for with a delayed message; later ones are the reconciler's.
SOON = timedelta(seconds=30)
# A row that nobody holds, after a look that went well.
FREE: dict[str, Any] = {"lease_until": None, "lease_token": "", "last_error": ""}
# Both are one statement, on SQLite as on PostgreSQL: nobody comes between its look and its write.
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
    """A handler's answer: not finished, come back after this long."""

    after: timedelta


@dataclass(frozen=True)
class Lease:
    """A worker's hold on a task; it may be prolonged before each call outside."""

    task_id: int
    token: str

    def prolong(self) -> None:
        """Hold on for another lease's length, or raise `LeaseLost` if somebody took over."""
        until = now() + timedelta(seconds=settings.OUTBOX_LEASE)
        mine = {"lease_token": self.token}
        if not compare_and_set(Task, self.task_id, mine, lease_until=until):
            raise LeaseLost(self.task_id)


@dataclass(frozen=True)
class ClaimedTask:
    """A task whose lease we have just taken, as it was then."""

    lease: Lease
    kind: str
    subject: str
    attempts: int
    enqueue_count: int


class LeaseLost(Exception):
    """The lease ran out and another worker holds the task: stop without a trace."""


Handler = Callable[[str, Lease], RetryAfter | None]
_handlers: dict[str, Handler] = {}


def register(kind: str, handler: Handler) -> None:
    """Let a room say who looks at its rows; called once, when the room is ready."""
    _handlers[kind] = handler


def enqueue(kind: str, subject: object) -> None:
    """Ask for a look as soon as this transaction is committed.

    There is one open row per kind and subject: a second bell wakes the first one's row. The row is
    what counts; the message to the broker only saves the wait for the reconciler.
    """
    at = now()
    with transaction.atomic(savepoint=False):
        [(task_id,)] = execute_returning(ENQUEUE, kind, str(subject), at, at)
        transaction.on_commit(lambda: _notify_worker(task_id), robust=True)


def _notify_worker(task_id: int, *, after: timedelta = timedelta()) -> None:
    try:
        countdown = after.total_seconds() or None
        current_app.send_task("outbox.tasks.process", args=[task_id], countdown=countdown)
    except (BrokerDown, OSError) as error:
        log.warning(
            "broker did not take the bell; the reconciler will come round", error=str(error)
        )


def due_tasks(limit: int = 200) -> list[int]:
    """Return the ids of open tasks whose time has come and that nobody holds."""
    at = now()
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
    due = Task.objects.filter(is_free, closed_at__isnull=True, not_before__lte=at)
    return list(due.order_by("not_before").values_list("pk", flat=True)[:limit])


def process(task_id: int) -> None:
    """Claim the task and let its room's handler look; do nothing if it is held, closed or early.

    1. Take the lease by compare-and-set: of two workers one wins.
    2. Run the handler, with no transaction open.
    3. Close the row, or set the time of the next look. A bell that rang meanwhile, or an error,
       means another look; errors back off.
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
        pause, said = backoff(task.attempts), f"{type(error).__name__}: {error}"[:500]
        _release(task.lease, not_before=now() + pause, last_error=said)
    else:
        _finish(task, answer)


def _claim(task_id: int) -> ClaimedTask | None:
    """Take the task's lease if it is open, due and free: every claim counts an attempt."""
    at, token = now(), secrets.token_hex(16)
    until = at + timedelta(seconds=settings.OUTBOX_LEASE)
    rows = execute_returning(CLAIM, until, token, task_id, at, at)
    return ClaimedTask(Lease(task_id, token), *rows[0]) if rows else None


def _finish(task: ClaimedTask, answer: RetryAfter | None) -> None:
    at, lease = now(), task.lease
    as_claimed = {"lease_token": lease.token, "enqueue_count": task.enqueue_count}
    then = {"closed_at": at} if answer is None else {"not_before": at + answer.after}
    if not compare_and_set(Task, lease.task_id, as_claimed, **then, **FREE):
        _release(lease, not_before=at)
        _notify_worker(lease.task_id)
    elif answer and answer.after < SOON:
        # The reconciler's round would be too slow for a customer who is looking on.
        _notify_worker(lease.task_id, after=answer.after)


def _release(lease: Lease, **changes: object) -> None:
    mine = {"lease_token": lease.token}
    compare_and_set(Task, lease.task_id, mine, **{**FREE, **changes})
