"""Stored cards that a customer removes: gone for the customer at once, then at the gateway too."""

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
# What may still be authorised, or is being charged. What was charged is given back without a card.
NEEDING_THE_CARD = (PaymentState.INTENDED, PaymentState.PENDING, PaymentState.AUTHORISED)
PAUSE = timedelta(minutes=5)


def remove(method: PaymentMethod) -> None:
    """Take a stored card away from its customer, and ring for a worker; again, it changes nothing.

    A payment under way still ends with it.
    """
    with transaction.atomic():
        mine = PaymentMethod.objects.filter(pk=method.pk, removed_at=None)
        if mine.update(removed_at=now()):
            method_removed.send(PaymentMethod, method=method)
            enqueue(KIND, method.pk)
            log.info("card removed", method=method.pk)


def is_needed(method: PaymentMethod) -> bool:
    """Say whether a payment under way may still ask for the card."""
    return method.payments.filter(state__in=NEEDING_THE_CARD).exists()


def forget(subject: str, lease: Lease) -> RetryAfter | None:
    """Have the gateway forget a removed card; the outbox's handler for those.

    Not before every payment with it has ended, and again until the gateway has answered; one that
    it will not forget stays in its books, for staff.
    """
    method = PaymentMethod.objects.get(pk=subject)
    if method.forgotten_at:
        return None
    if is_needed(method):
        return RetryAfter(PAUSE)
    # One key for one token, whichever installation asks.
    token, key = method.token, f"forget:{digest(method.token)[:32]}"
    forget_token = gateway().forget
    try:
        call_gateway("forget", key, lambda: forget_token(token, key=key), before_call=lease.prolong)
    except GatewayUnavailable as error:
        log.warning("card not forgotten yet", detail=str(error))
        return RetryAfter(PAUSE)
    except GatewayRefused as error:
        # It stays in the books as it is: asking again cannot help.
        log.warning("card not forgotten: staff must look", detail=str(error))
        return None
    mine = PaymentMethod.objects.filter(pk=method.pk, forgotten_at=None)
    mine.update(forgotten_at=now(), token="")
    return None
