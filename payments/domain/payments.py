"""Move money: authorise, capture, void. Each is safe to run again for the same payment.

Each raises `GatewayUnavailable` when the gateway gives no usable answer. Calling again
sends the same idempotency key, and so recovers a lost answer.
"""

import uuid

from accounts.models import User
from moportal.database.statements import compare_and_set
from outbox.calls import BeforeCall
from payments.domain import bills, codes, hosted, methods, refunds
from payments.domain.calls import call_gateway
from payments.domain.standing import (
    act,
    decline,
    fetch_standing,
    gateway_of,
    is_key_forgotten,
    move_payment,
    store_standing,
    was_sent,
)
from payments.gateways import choose_gateway, gateway
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable
from payments.gateways.values import Card, CodeStep, CustomerStep, Declined, Processing, Standing
from payments.models import GatewayCall, Payment, PaymentMethod
from payments.states import (
    Initiator,
    MethodKind,
    PaymentState,
    RefundKind,
    RefundState,
    RefusalKind,
)


class AuthorisationEnded(GatewayRefused):
    """The time to capture the authorised amount is over. Nothing is charged."""


def add_card(account: User, card: Card, *, market: str = "", renews: bool = False) -> PaymentMethod:
    """Exchange a card for a token and store that. Raises `CardRefused` or `GatewayUnavailable`.

    Raises `NotOffered` if every gateway of the market takes cards only on its own page.

    This call to the gateway is part of a request, because card data may not be stored to be sent
    later. No money moves. After a lost answer the customer types the card again, and the first
    token stays unused at the gateway.
    """
    name = choose_gateway(Ability.CARD_ENTRY, market, renews=renews)
    key = str(uuid.uuid4())
    stored = call_gateway("tokenise", key, lambda: gateway(name).tokenise(card, key=key))
    return methods.store(account, stored, gateway=name)


def authorise(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Ask for the amount: the payment is authorised, declined, or waits for the customer.

    Some gateways charge at once. Then nothing is left to capture, and an undo is a refund.
    """
    if payment.state not in {PaymentState.INTENDED, PaymentState.PENDING}:
        return payment
    forbidden = _refuse_method(payment)
    if forbidden and not was_sent(payment):
        decline(payment, forbidden)
        return payment
    try:
        standing = _ask_for_amount(payment, before_call)
        asks_customer = isinstance(standing, CustomerStep | CodeStep)
        if asks_customer and payment.initiator == Initiator.OPERATOR:
            standing = _refuse_step(payment, standing, before_call)
    except GatewayRefused as error:
        # The gateway may refuse this request only because an earlier one has reached it.
        found = _find(payment, before_call) if _has_lost_answer(payment) else None
        # Otherwise the refusal is about the request, and not about the card.
        refusal = Declined(payment.gateway_id, str(error)[:80], RefusalKind.LATER)
        standing = found or refusal
    _wait_for_gateway(payment, standing)
    store_standing(payment, standing)
    if payment.state != PaymentState.PENDING:
        codes.delete_unchecked(payment)
    return payment


def _refuse_method(payment: Payment) -> Declined | None:
    """Return why the payment's method may not be charged any more, or None if it may."""
    # Another payment with this method may have been refused meanwhile.
    if payment.method.stopped_at:
        return Declined("", "method_stopped", RefusalKind.FINAL)
    if not bills.may_charge(payment.method):
        return Declined("", "number_not_proven", RefusalKind.CUSTOMER)
    return None


def _has_lost_answer(payment: Payment) -> bool:
    """Return whether an earlier request for the amount may have reached the gateway."""
    lost = (GatewayCall.Outcome.UNANSWERED, GatewayCall.Outcome.UNKNOWN)
    return payment.calls.filter(operation="authorise", outcome__in=lost).exists()


def _ask_for_amount(payment: Payment, before_call: BeforeCall) -> Standing:
    """Ask for the amount. If the customer was sent to the bank, ask for the result instead.

    A gateway that has forgotten the key would authorise a second time. So the portal searches
    first, and sends the call again only if the search finds nothing.
    """
    if payment.state == PaymentState.PENDING:
        if payment.waits_for_code:
            codes.check(payment, before_call=before_call)
        return fetch_standing(payment, before_call)
    if payment.gateway_id:
        return fetch_standing(payment, before_call)
    if _is_key_forgotten(payment):
        found = _find(payment, before_call)
        if found is not None:
            return found
    if payment.method.kind == MethodKind.PAGE:
        return _open_page(payment, before_call)
    key, chosen = str(payment.key), gateway_of(payment)
    return call_gateway(
        "authorise",
        key,
        lambda: chosen.authorise(
            payment.method.token,
            payment.amount,
            reference=payment.reference,
            return_url=payment.return_url,
            initiator=Initiator(payment.initiator),
            key=key,
        ),
        payment=payment,
        before_call=before_call,
    )


def _wait_for_gateway(payment: Payment, standing: Standing) -> None:
    """Raise `GatewayUnavailable` if the gateway has not decided about a payment off session yet.

    No customer waits for it, so it stays as intended. Its id is kept, and the next call asks for
    the result: a repetition of the same request would have the same answer.
    """
    if payment.initiator == Initiator.OPERATOR and isinstance(standing, Processing):
        intended = {"state": PaymentState.INTENDED}
        compare_and_set(Payment, payment.pk, intended, gateway_id=standing.gateway_id)
        payment.refresh_from_db()
        raise GatewayUnavailable("the gateway has not decided yet", was_sent=True)


def _refuse_step(payment: Payment, step: Standing, before_call: BeforeCall) -> Declined:
    """Void a payment off session that wants a confirmation: no adapter should answer that."""
    key, void = f"{payment.key}:void", gateway_of(payment).void
    call_gateway(
        "void",
        key,
        lambda: void(step.gateway_id, key=key),
        payment=payment,
        before_call=before_call,
    )
    return Declined(step.gateway_id, "authentication_required", RefusalKind.CUSTOMER)


def _open_page(payment: Payment, before_call: BeforeCall) -> Standing:
    """Open the payment page. Raises `GatewayRefused` if it is on a host that is not listed."""
    key, chosen = str(payment.key), gateway_of(payment)
    standing = call_gateway(
        "authorise",
        key,
        lambda: chosen.authorise_on_page(
            payment.amount,
            reference=payment.reference,
            return_url=payment.return_url,
            keep=payment.method.is_kept,
            key=key,
        ),
        payment=payment,
        before_call=before_call,
    )
    if isinstance(standing, CustomerStep):
        hosted.check_page_address(standing.url, chosen)
    return standing


def _is_key_forgotten(payment: Payment) -> bool:
    return is_key_forgotten(payment, "authorise", str(payment.key))


def _find(payment: Payment, before_call: BeforeCall) -> Standing | None:
    key, find = str(payment.key), gateway_of(payment).find
    return call_gateway(
        "find",
        key,
        lambda: find(reference=payment.reference, key=key, since=payment.created_at),
        payment=payment,
        before_call=before_call,
    )


def capture(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Charge the authorised amount. Raises `GatewayRefused` if that is impossible for good.

    Raises `AuthorisationEnded` if the time of the authorisation is over; then the payment is void.
    The authorisation is not renewed: only the customer can decide that.
    """
    if payment.state == PaymentState.CAPTURED:
        return payment
    if payment.has_ended_authorisation:
        let_go(payment, before_call=before_call)
        if payment.state == PaymentState.VOIDED:
            raise AuthorisationEnded(f"the authorisation ended {payment.authorised_until}")
        return payment
    act(payment, "capture", gateway_of(payment).capture, f"{payment.key}:capture", before_call)
    if payment.state != PaymentState.CAPTURED:
        raise GatewayRefused(f"capture: the payment is {payment.state} at the gateway")
    return payment


def let_go(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Void an authorisation whose time is over, unless the amount was captured in time.

    Asks the gateway first, because the answer to a capture may have been lost.
    """
    store_standing(payment, fetch_standing(payment, before_call))
    if payment.state == PaymentState.AUTHORISED:
        _void(payment, before_call)
    return payment


def _void(payment: Payment, before_call: BeforeCall) -> None:
    act(payment, "void", gateway_of(payment).void, f"{payment.key}:void", before_call)


def void_or_refund(payment: Payment, *, reason: str, before_call: BeforeCall) -> Payment:
    """Leave nothing authorised and nothing charged, whatever the payment's state is.

    If the state is in doubt, the gateway is asked first. An authorised payment
    is voided, and a captured one is refunded. Raises `GatewayRefused` if the
    gateway does neither: staff must act.
    """
    # Each of the following steps sees the state that the step before it has stored.
    in_doubt = payment.state in {PaymentState.INTENDED, PaymentState.PENDING}
    if in_doubt and was_sent(payment):
        _recover(payment, before_call)
    if payment.state == PaymentState.PENDING:
        _void(payment, before_call)
    # The customer may have paid on the gateway's page just before the portal could close it.
    if payment.state == PaymentState.AUTHORISED:
        _void(payment, before_call)
    if payment.state == PaymentState.CAPTURED:
        refunds.refund_rest(payment, kind=RefundKind.UNDONE, reason=reason, before_call=before_call)
    # No call has reached the gateway, so nothing has to be voided there.
    if payment.state == PaymentState.INTENDED:
        move_payment(payment, PaymentState.VOIDED)
    return payment


def _recover(payment: Payment, before_call: BeforeCall) -> None:
    """Find out the state of a payment whose request may have reached the gateway.

    While the gateway remembers the key, repeating `authorise` returns that state. Later the portal
    searches for the payment. If it finds none, nothing is authorised and nothing is sent.
    """
    if payment.state == PaymentState.PENDING:
        # A code that was typed before the order ended is not sent any more.
        codes.delete_unchecked(payment)
        store_standing(payment, fetch_standing(payment, before_call))
        return
    if payment.gateway_id or not _is_key_forgotten(payment):
        authorise(payment, before_call=before_call)
        return
    found = _find(payment, before_call)
    if found is not None:
        _wait_for_gateway(payment, found)
        store_standing(payment, found)


def was_last_refused(payment: Payment) -> bool:
    """Return whether the last attempt to void or refund the payment was refused or failed.

    A bank may refuse a refund that the gateway has taken, so a refund's own state counts.
    """
    undone = payment.refunds.filter(kind=RefundKind.UNDONE).last()
    if undone is not None:
        return undone.state == RefundState.FAILED
    last = payment.calls.filter(operation="void").last()
    return last is not None and last.outcome == GatewayCall.Outcome.REFUSED
