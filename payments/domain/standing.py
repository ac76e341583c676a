"""Ask the gateway how a payment stands, and store it. Nothing else writes a payment's state."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import assert_never

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from moportal.database.statements import compare_and_set, move
from outbox.calls import BeforeCall
from payments.domain import hosted, methods, vouchers
from payments.domain.calls import call_gateway
from payments.domain.losses import recount
from payments.domain.receipts import issue_credit_note
from payments.gateways import gateway
from payments.gateways.base import Gateway, GatewayRefused
from payments.gateways.values import (
    Authorised,
    Captured,
    CodeStep,
    CustomerStep,
    Declined,
    Processing,
    Standing,
    VoidedOrRefunded,
)
from payments.models import GatewayCall, Payment, PaymentMethod, Receipt, Refund
from payments.signals import refund_ended
from payments.states import (
    NEXT_REFUND_STATES,
    NEXT_STATES,
    MethodKind,
    PaymentState,
    RefundState,
    RefusalKind,
)

# How a payment stands after each operation that the gateway has confirmed.
STANDING_AFTER: dict[str, type[Captured | VoidedOrRefunded]] = {
    "capture": Captured,
    "void": VoidedOrRefunded,
}
# A key counts as forgotten this long before the gateway may forget it, because clocks differ and
# a call takes time.
KEY_MARGIN = timedelta(minutes=10)


def gateway_of(payment: Payment) -> Gateway:
    """Return the payment's own gateway, even if it takes no new payments any more."""
    return gateway(payment.method.gateway)


def fetch_standing(payment: Payment, before_call: BeforeCall) -> Standing:
    """Ask the gateway how the payment stands."""
    key, fetch = str(payment.key), gateway_of(payment).fetch
    return call_gateway(
        "fetch", key, lambda: fetch(payment.gateway_id), payment=payment, before_call=before_call
    )


def store_standing(payment: Payment, standing: Standing) -> None:
    """Store how the payment stands at the gateway."""
    match standing:
        case Authorised():
            _store_authorisation(payment, standing)
        case Declined():
            decline(payment, standing)
        case CustomerStep(gateway_id, url):
            move_payment(
                payment, PaymentState.PENDING, gateway_id=gateway_id, customer_step_url=url
            )
        case CodeStep() | Processing():
            _store_code_step(payment, standing)
        case Captured(gateway_id):
            _store_charge(payment, gateway_id)
        case VoidedOrRefunded() if payment.state == PaymentState.CAPTURED:
            _end_whole(payment)
        case VoidedOrRefunded(gateway_id):
            move_payment(payment, PaymentState.VOIDED, gateway_id=gateway_id)
        case _:
            assert_never(standing)


def _store_code_step(payment: Payment, step: CodeStep | Processing) -> None:
    """Store that the payment waits: for the gateway, or for the code that it has sent.

    A gateway may name the code's id only once, so a stored id is kept.
    """
    asked_at = now() if isinstance(step, CodeStep) else None
    fields = {
        "gateway_id": step.gateway_id,
        "code_step_id": step.step_id or payment.code_step_id,
        "code_asked_at": payment.code_asked_at or asked_at,
    }
    # The customer confirms on a page of the gateway, which asks for the code there.
    if payment.customer_step_url or move_payment(payment, PaymentState.PENDING, **fields):
        return
    if compare_and_set(Payment, payment.pk, {"state": PaymentState.PENDING}, **fields):
        payment.refresh_from_db()


def _store_authorisation(payment: Payment, standing: Authorised) -> None:
    """Store that the bank has approved the amount. A page also says which card was used."""
    fields: dict[str, object] = {"authorised_until": standing.expires_at}
    with _transaction_with(payment.method):
        move_payment(payment, PaymentState.AUTHORISED, gateway_id=standing.gateway_id, **fields)
        hosted.name_card(payment.method, standing.method)
        vouchers.forget_attempt(payment.method)


def _store_charge(payment: Payment, gateway_id: str) -> None:
    """Store that the amount is charged. A voucher is then used up."""
    with _transaction_with(payment.method):
        if move_payment(payment, PaymentState.CAPTURED, gateway_id=gateway_id, captured_at=now()):
            vouchers.use_up(payment.method)


def _transaction_with(method: PaymentMethod) -> AbstractContextManager[None]:
    """Return a transaction if the payment's state changes together with its method.

    With a stored card or a bill only the state changes. One statement needs no transaction, which
    would be two more statements.
    """
    changes_too = method.kind in (MethodKind.PAGE, MethodKind.VOUCHER)
    return transaction.atomic() if changes_too else nullcontext()


@transaction.atomic
def decline(payment: Payment, refusal: Declined) -> None:
    """Store the refusal. A refusal for good also stops the method for all later payments.

    A voucher that is stopped is removed too.
    """
    at = now()
    advice = refusal.retry_after if refusal.kind == RefusalKind.LATER else None
    is_stored = move_payment(
        payment,
        PaymentState.DECLINED,
        gateway_id=refusal.gateway_id,
        decline_reason=refusal.reason,
        refusal_kind=refusal.kind,
        declined_at=at,
        retry_at=at + advice if advice else None,
    )
    if is_stored and refusal.kind == RefusalKind.FINAL:
        methods.stop(payment.method, reason=refusal.reason)
        vouchers.use_up(payment.method)


@transaction.atomic
def _end_whole(payment: Payment) -> None:
    """Store that the whole charge was given back, by the open refunds or without the portal."""
    fresh = Payment.objects.select_for_update().get(pk=payment.pk)
    for row in fresh.refunds.filter(state=RefundState.ASKED):
        end_refund(row, RefundState.DONE)
    move_payment(
        payment,
        PaymentState.REFUNDED,
        refunded_minor_units=payment.minor_units,
        refunding_minor_units=0,
        lost_minor_units=0,
    )
    recount(payment)


@transaction.atomic
def end_refund(refund: Refund, new: RefundState, **fields: object) -> None:
    """End a refund, and count its amount as given back or, after a failure, as left again.

    A second call does nothing. A refund of a charge that has a receipt gets its credit note. The
    end is announced in the transaction that stores it.
    """
    # With this row lock, each refund of a payment reads what the one before has stored.
    payment = Payment.objects.select_for_update().get(pk=refund.payment_id)
    at = now()
    if not move(refund, NEXT_REFUND_STATES, new, ended_at=at, **fields):
        return
    _count(payment, refund)
    receipt = Receipt.objects.filter(payment=payment).first()
    if receipt and new == RefundState.DONE:
        issue_credit_note(refund, receipt, at=at)
    refund_ended.send(Refund, refund=refund)


def _count(payment: Payment, refund: Refund) -> None:
    """Move the refund's amount from what is being refunded to where it has gone."""
    is_done = refund.state == RefundState.DONE
    refunded = payment.refunded_minor_units + (refund.minor_units if is_done else 0)
    counts = {
        "refunding_minor_units": payment.refunding_minor_units - refund.minor_units,
        "refunded_minor_units": refunded,
    }
    if refunded == payment.minor_units:
        move_payment(payment, PaymentState.REFUNDED, **counts)
    else:
        Payment.objects.filter(pk=payment.pk).update(**counts)
        for name, value in counts.items():
            setattr(payment, name, value)
    # Losses are what refunds have not given back, so they change with each refund.
    recount(payment)


def oldest_remembered(payment: Payment) -> datetime | None:
    """Return the time after which the gateway remembers every key, or None if it forgets none."""
    life = gateway_of(payment).remembers_keys_for
    return None if life is None else now() - life + KEY_MARGIN


def was_sent(payment: Payment, *operations: str) -> bool:
    """Return whether one of these operations, or any if none is named, was sent to the gateway."""
    sent = _sent_calls(payment)
    return (sent.filter(operation__in=operations) if operations else sent).exists()


def is_key_forgotten(payment: Payment, operation: str, key: str) -> bool:
    """Return whether the gateway may have forgotten the key of a call that it received."""
    oldest = oldest_remembered(payment)
    if oldest is None or payment.created_at > oldest:
        return False
    sent = _sent_calls(payment)
    return sent.filter(operation=operation, key=key, sent_at__lt=oldest).exists()


def _sent_calls(payment: Payment) -> QuerySet[GatewayCall]:
    return payment.calls.exclude(outcome=GatewayCall.Outcome.NOT_SENT)


def act(
    payment: Payment, operation: str, send: Callable[..., None], key: str, before_call: BeforeCall
) -> None:
    """Make the gateway void or capture the payment, under this idempotency key.

    A gateway also refuses if the payment has already moved on. For example, it was captured and the
    answer was lost. So after a refusal the portal asks how the payment stands, and stores the
    answer. The refusal is raised only if the payment's state stays the same. Once the gateway may
    have forgotten the key, the portal asks before the call.
    """
    before = PaymentState(payment.state)
    if is_key_forgotten(payment, operation, key):
        store_standing(payment, fetch_standing(payment, before_call))
        if payment.state != before:
            return
    try:
        call_gateway(
            operation,
            key,
            lambda: send(payment.gateway_id, key=key),
            payment=payment,
            before_call=before_call,
        )
    except GatewayRefused:
        store_standing(payment, fetch_standing(payment, before_call))
        if payment.state == before:
            raise
    else:
        store_standing(payment, STANDING_AFTER[operation](payment.gateway_id))


def move_payment(payment: Payment, new: PaymentState, **fields: object) -> bool:
    """Move the payment by compare-and-set, and return whether it moved.

    A payment that has moved on already is read again. Nothing else writes a payment's state.
    """
    return move(payment, NEXT_STATES, new, **fields)
