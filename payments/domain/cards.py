"""Stored cards that a customer removes: the portal forgets a card at once, the gateway later."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils.timezone import now

from moportal.sealed import digest
from outbox.domain import Lease, RetryAfter, enqueue
from payments.domain.calls import call_gateway
from payments.gateways import gateway
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.models import PaymentMethod
from payments.signals import method_removed
from payments.states import PaymentState

log = structlog.get_logger(__name__)
KIND = "removed_method"
# These payments may still need the card. A refund of a captured payment needs none.
NEEDING_THE_CARD = (PaymentState.INTENDED, PaymentState.PENDING, PaymentState.AUTHORISED)
RETRY_DELAY = timedelta(minutes=5)


def remove(method: PaymentMethod) -> None:
    """Remove a stored card, and enqueue its removal at the gateway. A second call does nothing.

    A payment under way is still completed with this card.
    """
    with transaction.atomic():
        mine = PaymentMethod.objects.filter(pk=method.pk, removed_at=None)
        if mine.update(removed_at=now()):
            method_removed.send(PaymentMethod, method=method)
            enqueue(KIND, method.pk)
            log.info("card removed", method=method.pk)


def is_needed(method: PaymentMethod) -> bool:
    """Return whether a payment under way may still need the card."""
    return method.payments.filter(state__in=NEEDING_THE_CARD).exists()


def forget(subject: str, lease: Lease) -> RetryAfter | None:
    """Remove a card at the gateway; the outbox's handler for removed cards.

    It waits until no payment needs the card, and tries until the gateway answers. If the gateway
    refuses, the card stays there, for staff to look at.
    """
    method = PaymentMethod.objects.get(pk=subject)
    if method.forgotten_at:
        return None
    if is_needed(method):
        return RetryAfter(RETRY_DELAY)
    # The key depends only on the token: every process of the portal sends the same key.
    token, key = method.token, f"forget:{digest(method.token)[:32]}"
    forget_token = gateway().forget
    try:
        call_gateway("forget", key, lambda: forget_token(token, key=key), before_call=lease.prolong)
    except GatewayUnavailable as error:
        log.warning("card not forgotten yet", detail=str(error))
        return RetryAfter(RETRY_DELAY)
    except GatewayRefused as error:
        log.warning("card not forgotten: staff must look", detail=str(error))
        return None
    mine = PaymentMethod.objects.filter(pk=method.pk, forgotten_at=None)
    mine.update(forgotten_at=now(), token="")
    return None
