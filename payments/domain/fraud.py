"""Fraud: stop the method and end its mandates. The rooms above stop the device.

A bank reports fraud by a dispute, or by an early warning, which takes no money. The portal reacts
in the same way to both.
"""

import structlog
from django.db import transaction

from outbox.domain import Lease, RetryAfter
from outbox.retries import retry_delay
from payments.domain import mandates, methods
from payments.domain.calls import call_gateway
from payments.domain.subjects import parse_subject, wait_for_payment
from payments.gateways import gateway
from payments.gateways.base import GatewayUnavailable
from payments.models import FraudWarning, GatewayCall, Payment, PaymentMethod
from payments.signals import fraud_reported
from payments.states import MandateEnd

log = structlog.get_logger(__name__)
KIND = "fraud_warning"


def respond(payment: Payment, *, reason: str) -> None:
    """Stop the method of a fraudulent payment, end its mandates, and send `fraud_reported`.

    Call it in the transaction that stores the report. A second call does nothing new.
    """
    for method in _same_methods(payment.method):
        mandates.end_all(method, reason=MandateEnd.FRAUD)
        methods.stop(method, reason=reason)
    fraud_reported.send(Payment, payment=payment)


def _same_methods(method: PaymentMethod) -> list[PaymentMethod]:
    """Return all methods of this account that seem to be the same card."""
    same = {name: getattr(method, name) for name in ("kind", "gateway", "brand", "last4")}
    dates = {"expiry_month": method.expiry_month, "expiry_year": method.expiry_year}
    return list(PaymentMethod.objects.filter(account=method.account_id, **same, **dates))


def update_warning(subject: str, lease: Lease) -> RetryAfter | None:
    """Fetch a fraud warning, and respond to it; the outbox's handler for fraud warnings.

    A warning may come before the portal knows its payment. It is then asked about again. One that
    the gateway does not know, or that is about no payment here, changes nothing.
    """
    name, warning_id = parse_subject(subject)
    try:
        chosen = gateway(name)
        warning = call_gateway(
            "warning",
            warning_id,
            lambda: chosen.fetch_fraud_warning(warning_id),
            before_call=lease.cover_call,
        )
    except GatewayUnavailable as error:
        log.warning("no usable answer", warning=subject, error=str(error))
        calls = GatewayCall.objects.filter(operation="warning", key=warning_id).count()
        return RetryAfter(retry_delay(calls, at_least=error.retry_after))
    if warning is None:
        log.warning("no such fraud warning at the gateway", warning=subject)
        return None
    payment = _payment_of(name, warning.payment_id)
    if payment is None:
        return wait_for_payment("warning", warning_id)
    with transaction.atomic():
        FraudWarning.objects.get_or_create(
            gateway=name,
            gateway_id=warning.warning_id,
            defaults={"payment": payment, "reason": warning.reason},
        )
        respond(payment, reason=f"fraud warning: {warning.reason}")
    return None


def _payment_of(name: str, gateway_id: str) -> Payment | None:
    # Another gateway may use the same id.
    of_this_gateway = Payment.objects.filter(method__gateway=name).select_related("method")
    return of_this_gateway.filter(gateway_id=gateway_id).first()
