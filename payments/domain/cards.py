"""Removal of stored cards: at once in the portal, and later at the gateway."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.timezone import now

from moportal.sealed import digest
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.models import Task
from outbox.retries import LONGEST_ERROR, count_failure
from payments.domain import mandates
from payments.domain.calls import call_gateway
from payments.gateways import gateway
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable
from payments.models import PaymentMethod
from payments.signals import method_removed
from payments.states import MandateEnd, PaymentState

log = structlog.get_logger(__name__)
KIND = "removed_method"
# Payments in these states may still need the card. A refund of a
# captured payment needs none.
STATES_NEEDING_CARD = (PaymentState.INTENDED, PaymentState.PENDING, PaymentState.AUTHORISED)
# After this many attempts, in about an hour, staff must act.
TRIES_BEFORE_STAFF = 16
# The interval between checks whether a payment still needs the card.
PAYMENT_INTERVAL = timedelta(minutes=5)


def stuck_removals() -> QuerySet[PaymentMethod]:
    """Return the removed cards that the gateway refused to forget: staff must remove them there.

    While the portal still tries, a card is left out for about an hour.
    """
    open_tasks = Task.objects.filter(
        kind=KIND, closed_at=None, subject=Cast(OuterRef("pk"), CharField())
    )
    removed = PaymentMethod.objects.exclude(removed_at=None).filter(forgotten_at=None)
    is_refused = ~Exists(open_tasks)
    return removed.exclude(last_error="").filter(is_refused | Q(tries__gt=TRIES_BEFORE_STAFF))


def retry_removal(method: PaymentMethod) -> None:
    """Ask the gateway again to forget a removed card."""
    with transaction.atomic():
        waiting = PaymentMethod.objects.filter(pk=method.pk, forgotten_at=None)
        if waiting.exclude(removed_at=None).update(tries=0, last_error=""):
            enqueue(KIND, method.pk)


def mark_forgotten(method: PaymentMethod) -> None:
    """Store that the gateway has forgotten a removed card, and delete its token here."""
    waiting = PaymentMethod.objects.filter(pk=method.pk, forgotten_at=None)
    waiting.exclude(removed_at=None).update(forgotten_at=now(), token="", last_error="")


def remove(method: PaymentMethod) -> None:
    """Remove a stored card and enqueue its removal at the gateway. A second call does nothing.

    Its mandates end. A payment in progress that the customer started still completes with it.
    """
    with transaction.atomic():
        # The first of two concurrent removals updates the row;
        # the second finds it removed.
        not_removed = PaymentMethod.objects.filter(pk=method.pk, removed_at=None)
        if not_removed.update(removed_at=now()):
            mandates.end_all(method, reason=MandateEnd.METHOD_REMOVED)
            method_removed.send(PaymentMethod, method=method)
            enqueue(KIND, method.pk)
            log.info("card removed", method=method.pk)


def is_needed(method: PaymentMethod) -> bool:
    """Return whether a payment in progress may still need the card."""
    return method.payments.filter(state__in=STATES_NEEDING_CARD).exists()


def forget(subject: str, lease: Lease) -> RetryAfter | None:
    """Remove a card at the gateway. This is the outbox's handler for removed cards.

    It waits until no payment needs the card, and retries until the gateway answers. If
    the gateway refuses, the card stays there, and staff must remove it. A gateway
    that keeps no methods is not called.
    """
    method = PaymentMethod.objects.get(pk=subject)
    if method.forgotten_at:
        return None
    if is_needed(method):
        return RetryAfter(PAYMENT_INTERVAL)
    # The key depends only on the token, so that every worker and
    # every retry sends the same key.
    token, key = method.token, f"forget:{digest(method.token)[:32]}"
    try:
        chosen = gateway(method.gateway)
        # A card that was used once is not kept there.
        if token and Ability.STORED_METHODS in chosen.abilities:
            call_gateway(
                "forget", key, lambda: chosen.forget(token, key=key), before_call=lease.cover_call
            )
    except GatewayUnavailable as error:
        return RetryAfter(count_failure(method, error))
    except GatewayRefused as error:
        log.exception("gateway refuses to remove the card: staff must act", method=method.pk)
        method.last_error = str(error)[:LONGEST_ERROR]
        method.save(update_fields=["last_error"])
        return None
    mark_forgotten(method)
    return None
