"""Events that the gateway posts: each is stored once, and wakes a worker for its payment.

An event decides nothing: the worker asks the gateway how the payment stands. So an event
may be repeated, late or out of order, or come before the customer is back.
"""

from collections.abc import Mapping

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from outbox.domain import enqueue
from payments.domain import disputes, fraud, refunds
from payments.domain.subjects import enqueue_reported
from payments.gateways import gateway, offers
from payments.gateways.base import Ability, WebhookForged
from payments.gateways.values import Event
from payments.models import Payment, WebhookEvent
from payments.states import EventSubject, PaymentState

log = structlog.get_logger(__name__)
KIND = "payment"
# What a worker asks about, beside the payment.
KIND_OF_SUBJECT = {
    EventSubject.DISPUTE: disputes.KIND,
    EventSubject.FRAUD_WARNING: fraud.KIND,
}


def receive(name: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Store the event of this gateway and enqueue its payment. A repeated event is ignored.

    Raises `WebhookForged`, and then stores nothing.
    """
    try:
        if not offers(name, Ability.PUSH):
            raise WebhookForged("this gateway posts no events")
        event = gateway(name).parse_webhook(body, headers)
    except WebhookForged as error:
        log.warning("webhook refused", why=str(error))
        raise
    payment = _payment_of(name, event)
    try:
        with transaction.atomic():
            WebhookEvent.objects.create(
                gateway=name,
                identifier=event.identifier,
                payment=payment,
                gateway_id=event.gateway_id,
                reference=event.reference,
                status=event.status,
                subject=event.subject,
                subject_id=event.subject_id,
            )
            if event.subject in KIND_OF_SUBJECT:
                enqueue_reported(KIND_OF_SUBJECT[event.subject], name, event.subject_id)
            # An event about a payment that the portal does not know is stored for staff.
            if payment is not None:
                enqueue(KIND, payment.pk)
                refunds.enqueue_open(payment)
    # Race: the same event may arrive twice at once. The unique
    # identifier lets one of them in.
    except IntegrityError:
        log.info("webhook repeated", reference=event.reference, status=event.status)
        return
    log.info("webhook", reference=event.reference, status=event.status)


def _payment_of(name: str, event: Event) -> Payment | None:
    """Find the payment by the gateway's id, or by reference if that id may still change."""
    # Another gateway may use the same id.
    of_this_gateway = Payment.objects.filter(method__gateway=name)
    by_id = of_this_gateway.filter(gateway_id=event.gateway_id).first()
    # The gateway may report a payment before its answer to `authorise` is stored, and a payment on
    # its page may get another id once it is paid. Only then is the reference used: any other
    # payment is found by its id alone.
    may_get_an_id = Q(gateway_id="") | Q(state=PaymentState.PENDING)
    return by_id or of_this_gateway.filter(may_get_an_id, reference=event.reference).first()
