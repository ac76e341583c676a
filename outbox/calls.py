"""Calls to other systems: a row is stored before each call and keeps the call's outcome."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.timezone import now

from moportal.http_client import ServiceUnavailable

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
BeforeCall = Callable[[], None]


class OutsideCall(models.Model):
    """One call to another system. While it has no answer, its effect is unknown."""

    class Outcome(models.TextChoices):
        UNANSWERED = "unanswered", "No answer yet"
        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Refused for good"
        NOT_SENT = "not_sent", "Never reached the other side"
        UNKNOWN = "unknown", "Outcome unknown"

    sent_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=13, choices=Outcome, default=Outcome.UNANSWERED)
    detail = models.TextField(blank=True)

    class Meta:
        abstract = True
        ordering = ["pk"]


Outcome = OutsideCall.Outcome


def record_call(
    row: OutsideCall,
    send: Callable[[], Answer],
    *,
    before_call: BeforeCall = lambda: None,
    refusals: tuple[type[Exception], ...] = (),
    describe: Callable[[Answer], Mapping[str, Any]] = lambda _answer: {"outcome": Outcome.ANSWERED},
) -> Answer:
    """Store the row, make the call, store its outcome, and return the answer.

    `before_call` renews the caller's lease, after the row is committed. If the lease is lost, it
    raises an error and the call is not made. Otherwise a worker that takes over later sees the row.
    `describe` returns the columns that an answer sets.

    Raises what `send` raises: one of `refusals`, which is final, `ServiceUnavailable`, or
    `ImproperlyConfigured`. After any other error the row keeps the outcome UNANSWERED,
    because the call may have been made.
    """
    # Committed before the lease is checked. A worker that takes over sees either this row
    # or no call: see docs/architecture.md.
    row.save(force_insert=True)
    try:
        before_call()
    except Exception:
        _store(row, outcome=Outcome.NOT_SENT)
        raise
    answer = _send(row, send, refusals)
    _store(row, **describe(answer))
    return answer


def _send(
    row: OutsideCall, send: Callable[[], Answer], refusals: tuple[type[Exception], ...]
) -> Answer:
    """Make the call and return its answer. If there is none, store what is known instead."""
    try:
        return send()
    except refusals as error:
        _store(row, outcome=Outcome.REFUSED, detail=str(error))
        raise
    except ImproperlyConfigured as error:
        # The address or a TLS file is not usable, which is noticed before anything is sent.
        _store(row, outcome=Outcome.NOT_SENT, detail=str(error))
        raise
    # Only a call that surely never arrived is marked as not sent.
    # In doubt it counts as made.
    except ServiceUnavailable as error:
        outcome = Outcome.UNKNOWN if error.was_sent else Outcome.NOT_SENT
        _store(row, outcome=outcome, detail=str(error))
        raise


def _store(row: OutsideCall, **outcome: Any) -> None:
    # The row in memory is changed too: the caller reads the outcome from it.
    columns = {**outcome, "answered_at": now()}
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=list(columns))
    log.info("outside call", table=row._meta.db_table, outcome=row.outcome)
