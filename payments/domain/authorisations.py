"""Void authorisations whose time is over. Only the customer may decide to authorise again.

Usually an order captures within a minute. An order that waits for staff may outlast its
authorisation. Then nothing can be charged any more, and `authorisation_ended` tells other rooms.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import retry_delay
from payments.domain import payments
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.models import Payment
from payments.signals import authorisation_ended
from payments.states import PaymentState

log = structlog.get_logger(__name__)
KIND = "authorisation"
BATCH = 200
# A capture that began in time has its answer by then.
DELAY = timedelta(minutes=5)


def ended_authorisations() -> QuerySet[Payment]:
    """Return the payments that are still authorised here, although their time is over."""
    authorised = Payment.objects.filter(state=PaymentState.AUTHORISED)
    return authorised.filter(authorised_until__lt=now() - DELAY)


def enqueue_ended_authorisations() -> int:
    """Enqueue a task for each ended authorisation, up to one batch. Return how many.

    The next round takes the rest.
    """
    found = list(ended_authorisations().order_by("pk").values_list("pk", flat=True)[:BATCH])
    for payment in found:
        enqueue(KIND, payment)
    return len(found)


def let_go(subject: str, lease: Lease) -> RetryAfter | None:
    """Void a payment whose authorisation has ended; the outbox's handler for authorisations.

    An amount that was captured in time is stored as captured. If the gateway refuses to void, the
    payment does not change, and staff see the gateway's answer on it.
    """
    payment = Payment.objects.select_related("method").get(pk=subject)
    if payment.has_ended_authorisation:
        try:
            payments.let_go(payment, before_call=lease.cover_call)
        except GatewayUnavailable as error:
            log.warning("no usable answer", payment=payment.pk, error=str(error))
            return RetryAfter(retry_delay(payment.calls.count(), at_least=error.retry_after))
        except GatewayRefused:
            log.exception("gateway refuses to void: staff must act", payment=payment.pk)
            return None
    # A worker may have died after the void and before this signal, so a retry sends it again.
    # Sending it twice does no harm: receivers read the stored state.
    if payment.state == PaymentState.VOIDED:
        with transaction.atomic():
            authorisation_ended.send(Payment, payment=payment)
        log.error("authorisation ended before the charge", payment=payment.reference)
    return None
