"""Ring, claim, finish: the only three things that happen to an outbox row.

A room registers a handler for its kind; the handler gets the subject and returns when to look
again (a `LookAgain`) or nothing when there is nothing left to do. It must be safe to run twice:
the lease makes that rare, not impossible.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.timezone import now
from kombu.exceptions import OperationalError as BrokerDown

from moportal.statements import compare_and_set
from outbox.models import Task
from outbox.pauses import backoff

log = structlog.get_logger(__name__)
# A look this near is asked for with a delayed message; later ones are the reconciler's.
SOON = timedelta(seconds=30)
# A row that nobody holds, after a look that went well.
FREE: dict[str, Any] = {"lease_until": None, "lease_token": "", "last_error": ""}


@dataclass(frozen=True)
class LookAgain:
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


class LeaseLost(Exception):
    """The lease ran out and another worker holds the task: stop without a trace."""


Handler = Callable[[str, Lease], LookAgain | None]
_handlers: dict[str, Handler] = {}


def register(kind: str, handler: Handler) -> None:
    """Let a room say who looks at its rows; called once, when the room is ready."""
    _handlers[kind] = handler


def ring(kind: str, subject: object) -> None:
    """Ask for a look as soon as this transaction is committed.

    There is one open row per kind and subject: a second bell wakes the first one's row. The row is
    what counts; the message to the broker only saves the wait for the reconciler.
    """
    with transaction.atomic(savepoint=False):
        task_id = _rung(kind, str(subject))
        transaction.on_commit(lambda: _tell_a_worker(task_id), robust=True)


def _rung(kind: str, subject: str) -> int:
    """Wake the row that is open, or open one.

    A worker may close the row, or another bell open one, between two statements: then once more.
    """
    open_row = Task.objects.filter(kind=kind, subject=subject, closed_at=None)
    at = now()
    while not open_row.update(rings=F("rings") + 1, not_before=at):
        with suppress(IntegrityError), transaction.atomic():
            return Task.objects.create(kind=kind, subject=subject, not_before=at).pk
    return open_row.values_list("pk", flat=True).get()


def _tell_a_worker(task_id: int, *, after: timedelta = timedelta()) -> None:
    try:
        countdown = after.total_seconds() or None
        current_app.send_task("outbox.tasks.look_at", args=[task_id], countdown=countdown)
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


def look(task_id: int) -> None:
    """Claim the task and let its room's handler look; do nothing if it is held, closed or early.

    1. Take the lease by compare-and-set: of two workers one wins.
    2. Run the handler, with no transaction open.
    3. Close the row, or set the time of the next look. A bell that rang meanwhile, or an error,
       means another look; errors back off.
    """
    structlog.contextvars.clear_contextvars()
    task = Task.objects.filter(pk=task_id).first()
    lease = _claim(task) if task else None
    if task is None or lease is None:
        return
    try:
        answer = _handlers[task.kind](task.subject, lease)
    except LeaseLost:
        log.warning("lease lost", kind=task.kind, subject=task.subject)
    except Exception as error:
        log.exception(
            "handler failed", kind=task.kind, subject=task.subject, attempts=task.attempts
        )
        pause = backoff(task.attempts)
        _release(
            lease, not_before=now() + pause, last_error=f"{type(error).__name__}: {error}"[:500]
        )
    else:
        _finish(lease, task, answer)


def _claim(task: Task) -> Lease | None:
    """Take the task's lease if it is free as it was read: every claim counts an attempt."""
    at = now()
    is_held = task.lease_until is not None and task.lease_until >= at
    if task.closed_at is not None or task.not_before > at or is_held:
        return None
    token = secrets.token_hex(16)
    as_read = {"attempts": task.attempts, "lease_until": task.lease_until, "closed_at": None}
    task.attempts += 1
    is_claimed = compare_and_set(
        Task,
        task.pk,
        as_read,
        lease_until=at + timedelta(seconds=settings.OUTBOX_LEASE),
        lease_token=token,
        attempts=task.attempts,
    )
    return Lease(task.pk, token) if is_claimed else None


def _finish(lease: Lease, task: Task, answer: LookAgain | None) -> None:
    at = now()
    as_read = {"lease_token": lease.token, "rings": task.rings}
    then = {"closed_at": at} if answer is None else {"not_before": at + answer.after}
    if not compare_and_set(Task, lease.task_id, as_read, **then, **FREE):
        _release(lease, not_before=at)
        _tell_a_worker(task.pk)
    elif answer and answer.after < SOON:
        # The reconciler's round would be too slow for a customer who is looking on.
        _tell_a_worker(task.pk, after=answer.after)


def _release(lease: Lease, **changes: object) -> None:
    mine = {"lease_token": lease.token}
    compare_and_set(Task, lease.task_id, mine, **{**FREE, **changes})
