"""Moving money: authorise, capture, void. Each is safe to run again with the same payment.

Raises `GatewayTrouble` when the gateway gives no useful answer; asking again with the same key is
how a lost answer is found out.
"""

import uuid
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.utils.timezone import now

from accounts.models import User
from payments.gateways import gateway
from payments.gateways.base import (
    Authorised,
    Card,
    CustomerStep,
    Declined,
    GatewayRefused,
    GatewayTrouble,
)
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import NEXT_STATES, PaymentState

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


def add_card(account: User, card: Card) -> PaymentMethod:
    """Exchange a card for a token and keep that; raises `CardRefused` or `GatewayTrouble`.

    The one outside call within a request (architecture, purchase flow 3): card data may not be
    stored to be sent later. No money moves.
    """
    key = str(uuid.uuid4())
    stored = _called("tokenise", key, lambda: gateway().tokenise(card, key=key))
    return PaymentMethod.objects.create(
        account=account,
        token=stored.token,
        brand=stored.brand,
        last4=stored.last4,
        expiry_month=stored.expiry_month,
        expiry_year=stored.expiry_year,
    )


def authorise(payment: Payment, *, return_url: str, before_call: Callable[[], None]) -> Payment:
    """Hold the amount; afterwards the payment is authorised, declined or waits for the customer."""
    if payment.state not in {PaymentState.INTENDED, PaymentState.PENDING}:
        return payment
    before_call()
    try:
        answer = _authorisation(payment, return_url)
    except GatewayRefused as error:
        _move(payment, PaymentState.DECLINED, decline_reason=str(error)[:80])
        return payment
    match answer:
        case Authorised(gateway_id):
            _move(payment, PaymentState.AUTHORISED, gateway_id=gateway_id)
        case Declined(gateway_id, reason):
            _move(payment, PaymentState.DECLINED, gateway_id=gateway_id, decline_reason=reason)
        case CustomerStep(gateway_id, url):
            _move(payment, PaymentState.PENDING, gateway_id=gateway_id, customer_step_url=url)
    return payment


def _authorisation(payment: Payment, return_url: str) -> Authorised | Declined | CustomerStep:
    """Ask for the amount, or, where the customer was sent to the bank, what came of that."""
    key = str(payment.key)
    if payment.state == PaymentState.PENDING:
        return _called("fetch", key, lambda: gateway().fetch(payment.gateway_id), payment=payment)
    return _called(
        "authorise",
        key,
        lambda: gateway().authorise(
            payment.method.token,
            payment.amount,
            reference=payment.reference,
            return_url=return_url,
            key=key,
        ),
        payment=payment,
    )


def capture(payment: Payment, *, before_call: Callable[[], None]) -> Payment:
    """Charge what is held; raises `GatewayRefused` where that can never be."""
    if payment.state == PaymentState.CAPTURED:
        return payment
    before_call()
    key = f"{payment.key}:capture"
    _called("capture", key, lambda: gateway().capture(payment.gateway_id, key=key), payment=payment)
    _move(payment, PaymentState.CAPTURED)
    return payment


def void(payment: Payment, *, return_url: str, before_call: Callable[[], None]) -> Payment:
    """Let go of the money; a payment whose authorisation is in doubt is asked about first."""
    in_doubt = payment.state in {PaymentState.INTENDED, PaymentState.PENDING}
    if in_doubt and payment.calls.exclude(outcome=GatewayCall.Outcome.NOT_SENT).exists():
        authorise(payment, return_url=return_url, before_call=before_call)
    if payment.state in {PaymentState.AUTHORISED, PaymentState.PENDING}:
        before_call()
        key = f"{payment.key}:void"
        try:
            _called(
                "void", key, lambda: gateway().void(payment.gateway_id, key=key), payment=payment
            )
        except GatewayRefused as error:
            # There is nothing to let go of any more: it was voided or has run out over there.
            log.warning("void refused", detail=str(error))
    if payment.state in {PaymentState.INTENDED, PaymentState.PENDING, PaymentState.AUTHORISED}:
        _move(payment, PaymentState.VOIDED)
    return payment


def _called(
    operation: str, key: str, make: Callable[[], Answer], *, payment: Payment | None = None
) -> Answer:
    """Write the call down, make it, and write down whether it was answered."""
    row = GatewayCall.objects.create(payment=payment, operation=operation, key=key)
    outcome, detail = GatewayCall.Outcome.ANSWERED, ""
    try:
        return make()
    except GatewayRefused as error:
        detail = str(error)
        raise
    except GatewayTrouble as error:
        outcome = GatewayCall.Outcome.UNKNOWN if error.was_sent else GatewayCall.Outcome.NOT_SENT
        detail = str(error)
        raise
    finally:
        GatewayCall.objects.filter(pk=row.pk).update(
            answered_at=now(), outcome=outcome, detail=detail
        )
        log.info("gateway", operation=operation, outcome=outcome)


def _move(payment: Payment, new: PaymentState, **fields: object) -> None:
    """Compare and set, the one door to a payment's state; a move made before is left as it is."""
    old = [state for state, following in NEXT_STATES.items() if new in following]
    Payment.objects.filter(pk=payment.pk, state__in=old).update(state=new, **fields)
    payment.refresh_from_db()
