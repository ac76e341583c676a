"""Subjects of tasks that are not rows yet: the gateway's name, and its id of what it reported."""

import structlog

from outbox.domain import enqueue

log = structlog.get_logger(__name__)
# The outbox's subject is the gateway's name and this id.
LONGEST_ID = 43


def enqueue_reported(kind: str, name: str, identifier: str) -> None:
    """Enqueue the task that asks this gateway about what it has reported."""
    if len(identifier) > LONGEST_ID:
        log.error("the gateway's id is too long: staff must act", kind=kind, id=identifier)
        return
    enqueue(kind, f"{name}:{identifier}")


def parse_subject(subject: str) -> tuple[str, str]:
    """Return the gateway's name and its id."""
    name, _, identifier = subject.partition(":")
    return name, identifier
