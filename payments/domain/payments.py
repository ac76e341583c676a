"""Move money: authorise, capture, void, refund. Each is safe to run again for the same payment.

Each raises `GatewayUnavailable` when the gateway gives no usable answer. Calling again
sends the same idempotency key, and so recovers a lost answer.
"""

import uuid
from collections.abc import Callable
from functools import partial
from typing import assert_never

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import move
from moportal.money import Money
from outbox.calls import BeforeCall
from payments.domain import methods
from payments.domain.calls import call_gateway
from payments.gateways import gateway, require
from payments.gateways.base import (
    Ability,
    Authorised,
    Captured,
    Card,
    CustomerStep,
    Declined,
    GatewayRefused,
    RefundFailed,
    Standing,
    VoidedOrRefunded,
)
from payments.models import GatewayCall, Payment, PaymentMethod, Refund
from payments.states import (
    NEXT_REFUND_STATES,
    NEXT_STATES,
    PaymentState,
    RefundState,
    RefusalKind,
)

# How a payment stands after each operation that the gateway has confirmed.
STANDING_AFTER: dict[str, type[Captured | VoidedOrRefunded]] = {
    "capture": Captured,
    "void": VoidedOrRefunded,
    "refund": VoidedOrRefunded,
}


def add_card(account: User, card: Card) -> PaymentMethod:
    """Exchange a card for a token and store that. Raises `CardRefused` or `GatewayUnavailable`.

    Raises `NotOffered` where the gateway takes cards on its own page alone.

    This is the one outside call within a request, because card data may not be stored to
    be sent later. No money moves. After a lost answer the customer types the card again,
    and the first token stays unused at the gateway.
    """
    require(Ability.CARD_ENTRY)
    key = str(uuid.uuid4())
    stored = call_gateway("tokenise", key, lambda: gateway().tokenise(card, key=key))
    return PaymentMethod.objects.create(
        account=account,
        token=stored.token,
        brand=stored.brand,
        last4=stored.last4,
        expiry_month=stored.expiry_month,
        expiry_year=stored.expiry_year,
    )


def authorise(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Ask for the amount: the payment is authorised, declined, or waits for the customer.

    A gateway may have charged it already. Then nothing is left to capture, and an undo refunds it.
    """
    if payment.state not in {PaymentState.INTENDED, PaymentState.PENDING}:
        return payment
    try:
        standing = _ask_for_amount(payment, before_call)
    except GatewayRefused as error:
        # The gateway refuses the request, and says nothing about the card.
        _decline(payment, Declined(payment.gateway_id, str(error)[:80], RefusalKind.LATER))
        return payment
    _store_standing(payment, standing)
    return payment


def _ask_for_amount(payment: Payment, before_call: BeforeCall) -> Standing:
    """Ask for the amount. If the customer was sent to the bank, ask for the result instead."""
    if payment.state == PaymentState.PENDING:
        return _fetch_standing(payment, before_call)
    key = str(payment.key)
    return call_gateway(
        "authorise",
        key,
        lambda: gateway().authorise(
            payment.method.token,
            payment.amount,
            reference=payment.reference,
            return_url=payment.return_url,
            key=key,
        ),
        payment=payment,
        before_call=before_call,
    )


def _fetch_standing(payment: Payment, before_call: BeforeCall) -> Standing:
    key, fetch = str(payment.key), gateway().fetch
    return call_gateway(
        "fetch", key, lambda: fetch(payment.gateway_id), payment=payment, before_call=before_call
    )


def _store_standing(payment: Payment, standing: Standing) -> None:
    """Store how the payment stands at the gateway."""
    match standing:
        case Authorised(gateway_id):
            _move(payment, PaymentState.AUTHORISED, gateway_id=gateway_id)
        case Declined():
            _decline(payment, standing)
        case CustomerStep(gateway_id, url):
            _move(payment, PaymentState.PENDING, gateway_id=gateway_id, customer_step_url=url)
        case Captured(gateway_id):
            _move(payment, PaymentState.CAPTURED, gateway_id=gateway_id)
        case VoidedOrRefunded() if payment.state == PaymentState.CAPTURED:
            _end_refund(payment)
        case VoidedOrRefunded(gateway_id):
            _move(payment, PaymentState.VOIDED, gateway_id=gateway_id)
        case _:
            assert_never(standing)


@transaction.atomic
def _decline(payment: Payment, refusal: Declined) -> None:
    """Store the refusal. One for good stops the method, for every payment that may come."""
    is_stored = _move(
        payment,
        PaymentState.DECLINED,
        gateway_id=refusal.gateway_id,
        decline_reason=refusal.reason,
        refusal_kind=refusal.kind,
        declined_at=now(),
    )
    if is_stored and refusal.kind == RefusalKind.FINAL:
        methods.stop(payment.method, reason=refusal.reason)


def capture(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Charge the authorised amount. Raises `GatewayRefused` if that is impossible for good."""
    if payment.state == PaymentState.CAPTURED:
        return payment
    _act(payment, "capture", gateway().capture, f"{payment.key}:capture", before_call)
    if payment.state != PaymentState.CAPTURED:
        raise GatewayRefused(f"capture: the payment is {payment.state} at the gateway")
    return payment


def void_or_refund(payment: Payment, *, reason: str, before_call: BeforeCall) -> Payment:
    """Leave nothing authorised and nothing charged, whatever the payment's state is.

    If the state is in doubt, the gateway is asked first. An authorised payment
    is voided, and a captured one is refunded. Raises `GatewayRefused` if the
    gateway does neither: staff must act.
    """
    # Each of the following steps sees the state that the step before it has stored.
    in_doubt = payment.state in {PaymentState.INTENDED, PaymentState.PENDING}
    if in_doubt and payment.calls.exclude(outcome=GatewayCall.Outcome.NOT_SENT).exists():
        authorise(payment, before_call=before_call)
    if payment.state in {PaymentState.AUTHORISED, PaymentState.PENDING}:
        _act(payment, "void", gateway().void, f"{payment.key}:void", before_call)
    if payment.state == PaymentState.CAPTURED:
        refund(payment, reason=reason, before_call=before_call)
    # No call has reached the gateway, so nothing has to be voided there.
    if payment.state == PaymentState.INTENDED:
        _move(payment, PaymentState.VOIDED)
    return payment


def was_last_refused(payment: Payment) -> bool:
    """Return whether the gateway refused the last attempt to void or refund the payment."""
    last = payment.calls.filter(operation__in=["void", "refund"]).last()
    return last is not None and last.outcome == GatewayCall.Outcome.REFUSED


def refund(payment: Payment, *, reason: str, before_call: BeforeCall) -> Payment:
    """Give the whole charge back, once. A payment that is not captured stays as it is.

    An open refund is continued under its own key, so the gateway gives the money back once. Raises
    `GatewayRefused`, which ends this refund. The next refund is a new row.
    """
    row = _open_refund(payment, reason)
    if row is None:
        return payment
    try:
        _act(payment, "refund", partial(_refund, row), str(row.key), before_call)
    except GatewayRefused:
        move(row, NEXT_REFUND_STATES, RefundState.REFUSED, ended_at=now())
        raise
    return payment


def _refund(row: Refund, gateway_id: str, *, key: str) -> None:
    amount = Money(row.minor_units, row.payment.currency)
    standing = gateway().refund(gateway_id, amount, key=key)
    if isinstance(standing, RefundFailed):
        raise GatewayRefused(f"refund: {standing.reason}")


@transaction.atomic
def _open_refund(payment: Payment, reason: str) -> Refund | None:
    """Return the payment's open refund or a new one, or None if the payment is not captured."""
    # Without the row lock, a stalled worker could open a second
    # refund after the first has ended.
    fresh = Payment.objects.select_for_update().get(pk=payment.pk)
    payment.state = fresh.state
    if fresh.state != PaymentState.CAPTURED:
        return None
    left = fresh.minor_units - fresh.refunded_minor_units
    row, _ = Refund.objects.get_or_create(
        payment=payment,
        state=RefundState.ASKED,
        defaults={"reason": reason[:200], "minor_units": left},
    )
    return row


@transaction.atomic
def _end_refund(payment: Payment) -> None:
    """Store that the whole charge was given back: on the payment, and on its open refund."""
    _move(payment, PaymentState.REFUNDED, refunded_minor_units=payment.minor_units)
    is_open = payment.refunds.filter(state=RefundState.ASKED)
    is_open.update(state=RefundState.DONE, ended_at=now())


def _act(
    payment: Payment, operation: str, act: Callable[..., None], key: str, before_call: BeforeCall
) -> None:
    """Make the gateway void, capture or refund the payment, under this idempotency key.

    A refusal may only mean that the payment has already moved on: for example,
    it was captured and the answer was lost. So the gateway is asked how the
    payment stands, and the answer is stored. The refusal is raised only if the
    payment's state stays the same.
    """
    before = PaymentState(payment.state)
    try:
        call_gateway(
            operation,
            key,
            lambda: act(payment.gateway_id, key=key),
            payment=payment,
            before_call=before_call,
        )
    except GatewayRefused:
        _store_standing(payment, _fetch_standing(payment, before_call))
        if payment.state == before:
            raise
    else:
        _store_standing(payment, STANDING_AFTER[operation](payment.gateway_id))


def _move(payment: Payment, new: PaymentState, **fields: object) -> bool:
    """Move the payment by compare-and-set, and return whether it moved.

    A payment that has moved on already is read again. Nothing else writes a payment's state.
    """
    return move(payment, NEXT_STATES, new, **fields)
