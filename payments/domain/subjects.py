"""Subjects of tasks that are not rows yet: the gateway's name, and its id of what it reported."""

from datetime import timedelta

import structlog
from django.utils.timezone import now

from outbox.calls import Outcome
from outbox.domain import RetryAfter, enqueue
from payments.models import GatewayCall

log = structlog.get_logger(__name__)
# The outbox's subject is the gateway's name and this id.
LONGEST_ID = 43
# A gateway may report something about a payment before the portal has stored the answer to
# `authorise`. After this time the portal gives up the search for the payment.
UNKNOWN_FOR = timedelta(days=1)
UNKNOWN_INTERVAL = timedelta(minutes=10)


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


def wait_for_payment(operation: str, identifier: str) -> RetryAfter | None:
    """Return when to look again for the payment of a reported subject, or None to give up.

    The time counts from the gateway's first answer about the subject. An event may be older, if the
    gateway was away after it.
    """
    answered = GatewayCall.objects.filter(operation=operation, key=identifier)
    if answered.filter(outcome=Outcome.ANSWERED, sent_at__lt=now() - UNKNOWN_FOR).exists():
        log.warning("the payment is unknown to the portal", operation=operation, id=identifier)
        return None
    return RetryAfter(UNKNOWN_INTERVAL)
