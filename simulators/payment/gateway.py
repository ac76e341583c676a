"""Tokens and payments."""

import hashlib
import json
import re
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from simulators.keys import Refused, Reply
from simulators.payment import cards, disputes
from simulators.payment.books import Books
from simulators.payment.states import ACTIONS, NEXT_STATES, PaymentState, RefundStatus

HIGHEST_AMOUNT = 10**12
REFERENCE_LIMIT = 100
CURRENCY = re.compile(r"[A-Z]{3}")
# The state of a payment with a card that the bank does not decline.
APPROVED = {
    cards.APPROVE: PaymentState.AUTHORISED,
    cards.CUSTOMER_STEP: PaymentState.REQUIRES_ACTION,
    cards.CHARGE: PaymentState.CAPTURED,
    cards.SLOW_REFUND: PaymentState.AUTHORISED,
    cards.NO_REFUND: PaymentState.AUTHORISED,
    cards.DISPUTED: PaymentState.AUTHORISED,
    cards.DISPUTED_AS_FRAUD: PaymentState.AUTHORISED,
    cards.INQUIRED: PaymentState.AUTHORISED,
    cards.WARNED_OF: PaymentState.AUTHORISED,
    cards.STEP_WHEN_AWAY: PaymentState.AUTHORISED,
    cards.POOR_WHEN_AWAY: PaymentState.AUTHORISED,
    cards.STOLEN_WHEN_AWAY: PaymentState.AUTHORISED,
    cards.LATER_WHEN_AWAY: PaymentState.AUTHORISED,
}
# What becomes of a refund to such a card. To any other it is done at once.
REFUND_STATUS = {
    cards.SLOW_REFUND: RefundStatus.PENDING,
    cards.NO_REFUND: RefundStatus.FAILED,
}
# How long an authorisation can be captured, in seconds.
AUTHORISED_FOR = 7 * 24 * 3600


def request_digest(path: str, body: dict[str, Any]) -> str:
    """Return a digest that is the same for the same request.

    It covers only the last four digits of a card number, and no security code.
    Otherwise someone could find the number by trying all numbers, and card
    numbers are never stored in any form.
    """
    known = {name: value for name, value in body.items() if name != "csc"}
    if "number" in known:
        known["number"] = cards.digits(known["number"])[-4:]
    text = json.dumps([path, known], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def make_token(books: Books, body: dict[str, Any]) -> Reply:
    try:
        card = cards.parse_card(body)
    except cards.InvalidCard as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    return HTTPStatus.CREATED, card_fields(books.add_token(card), card)


def card_fields(token: str, card: cards.Card) -> dict[str, Any]:
    """Return the fields of a stored card that the merchant may see."""
    return {
        "token": token,
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
    }


def forget_token(books: Books, body: dict[str, Any]) -> Reply:
    token = str(body.get("token"))
    if books.card(token) is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_token")
    books.forget_token(token)
    return HTTPStatus.OK, {"status": "forgotten"}


def authorise(books: Books, body: dict[str, Any], *, key: str, address: str) -> Reply:
    """Authorise, charge or decline a payment, or send the customer to the bank.

    With `off_session` the merchant starts the payment while the customer is away. A declined
    payment is stored too. `address` is the address under which the bank's page is served.
    """
    card = books.card(str(body.get("token")))
    if card is None:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_token")
    _check_order(body)
    reason = _decline_reason(card, is_off_session=body.get("off_session") is True)
    wants_step = not reason and card.behaviour == cards.CUSTOMER_STEP
    return_url = parse_return_url(body) if wants_step else ""
    status = PaymentState.DECLINED if reason else APPROVED[card.behaviour]
    capture_before = int(time.time()) + AUTHORISED_FOR
    identifier = books.add_payment(
        status,
        amount=body["amount"],
        currency=body["currency"],
        reference=body["reference"],
        key=key,
        reason=reason,
        behaviour=card.behaviour,
        capture_before=capture_before,
    )
    shown: dict[str, Any] = {"id": identifier, "status": str(status)}
    if status == PaymentState.AUTHORISED:
        shown["capture_before"] = capture_before
    if wants_step:
        books.add_challenge(identifier, return_url)
        return HTTPStatus.CREATED, {**shown, "url": challenge_url(address, identifier)}
    return HTTPStatus.CREATED, {**shown, **refusal(reason)}


def refusal(reason: str) -> dict[str, Any]:
    """Return the fields of a declined payment: the reason, and what it means for the card.

    Some refusals have advice too: `retry_after` is in seconds.
    """
    if not reason:
        return {}
    if reason in cards.FINAL_REASONS:
        kind = "final"
    else:
        kind = "customer" if reason in cards.REASONS_FOR_THE_CUSTOMER else "later"
    advice = {"retry_after": cards.RETRY_AFTER[reason]} if reason in cards.RETRY_AFTER else {}
    return {"reason": reason, "kind": kind, **advice}


def challenge_url(address: str, identifier: str) -> str:
    """Return the address of the page where the customer confirms this payment."""
    return f"{address}/challenge/{identifier}"


def parse_return_url(body: dict[str, Any]) -> str:
    """Return the address to which the customer returns; raises `Refused` without one."""
    url = body.get("return_url")
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "return_url_required")
    return url


def record_decision(books: Books, identifier: str, *, approved: bool) -> str | None:
    """Record the customer's decision at the bank; the first decision counts.

    Return the address to which the customer returns, or None if there is no such payment.
    """
    with books.transaction():
        payment, return_url = books.payment(identifier), books.return_url(identifier)
        if payment is None or return_url is None:
            return None
        if payment["status"] == PaymentState.REQUIRES_ACTION:
            new = PaymentState.AUTHORISED if approved else PaymentState.DECLINED
            books.set_status(identifier, new, reason="" if approved else "authentication_failed")
    return return_url


def describe_payment(payment: dict[str, Any], *, address: str) -> dict[str, Any]:
    """Return what the merchant is told about a payment."""
    is_declined = payment["status"] == PaymentState.DECLINED
    shown = {**payment, **refusal(payment["reason"] if is_declined else "")}
    if payment["status"] == PaymentState.REQUIRES_ACTION:
        shown["url"] = challenge_url(address, payment["id"])
    return shown


def change_payment(books: Books, identifier: str, action: str) -> Reply:
    """Capture or void the whole amount.

    Raises `Refused` with 409 and the current state if that
    state does not allow the action.
    """
    _payment_that_can(books, identifier, action)
    books.set_status(identifier, ACTIONS[action])
    if action == "capture":
        disputes.open_by_card(books, identifier)
    return HTTPStatus.OK, {"id": identifier, "status": str(ACTIONS[action])}


def refund_payment(books: Books, identifier: str, body: dict[str, Any], *, key: str) -> Reply:
    """Give back `amount`, or without one all that is left of the charge.

    Raises `Refused` for more than what is left.
    """
    payment = _payment_that_can(books, identifier, "refund")
    if payment["is_disputed"]:
        raise Refused(HTTPStatus.CONFLICT, "disputed", state=PaymentState(payment["status"]))
    left = payment["amount"] - payment["refunded"] - payment["disputed"]
    amount = body.get("amount", left)
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= left:
        raise Refused(HTTPStatus.CONFLICT, "invalid_refund", state=PaymentState(payment["status"]))
    status = REFUND_STATUS.get(books.behaviour(identifier), RefundStatus.DONE)
    reason = "account_closed" if status == RefundStatus.FAILED else ""
    refund = books.add_refund(identifier, key=key, amount=amount, status=status, reason=reason)
    return HTTPStatus.OK, _refund_reply(books, identifier, refund)


def end_refund(books: Books, identifier: str, body: dict[str, Any]) -> Reply:
    """Let the bank decide about a refund that is pending: `status` is done or failed."""
    with books.transaction():
        refund = books.refund(identifier)
        if refund is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_refund")
        status = RefundStatus(str(body.get("status")))
        reason = "account_closed" if status == RefundStatus.FAILED else ""
        books.end_refund(identifier, status=status, reason=reason)
        return HTTPStatus.OK, _refund_reply(books, refund["payment"], identifier)


def _refund_reply(books: Books, identifier: str, refund: str) -> dict[str, Any]:
    """Move the payment to where its refunds lead, and return both."""
    payment = books.payment(identifier)
    assert payment is not None  # noqa: S101 -- nothing deletes a payment
    refunds = books.refunds(identifier)
    given_back = sum(one["amount"] for one in refunds if one["status"] == RefundStatus.DONE)
    is_whole = given_back == payment["amount"]
    status = PaymentState.REFUNDED if is_whole else PaymentState(payment["status"])
    books.set_status(identifier, status)
    return {"id": identifier, "status": str(status), "refund": books.refund(refund)}


def _payment_that_can(books: Books, identifier: str, action: str) -> dict[str, Any]:
    """Return the payment, or raise `Refused` with its state if that does not allow the action."""
    payment = books.payment(identifier)
    if payment is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_payment")
    state = PaymentState(payment["status"])
    if ACTIONS[action] not in NEXT_STATES[state]:
        raise Refused(HTTPStatus.CONFLICT, "invalid_state", state=state)
    return payment


def _decline_reason(card: cards.Card, *, is_off_session: bool) -> str:
    if cards.is_past(card.exp_month, card.exp_year):
        return "expired_card"
    if is_off_session and card.behaviour in cards.REASON_WHEN_AWAY:
        return cards.REASON_WHEN_AWAY[card.behaviour]
    return "" if card.behaviour in APPROVED else card.behaviour


def _check_order(body: dict[str, Any]) -> None:
    amount, currency, reference = body.get("amount"), body.get("currency"), body.get("reference")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < HIGHEST_AMOUNT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_amount")
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_currency")
    if not isinstance(reference, str) or not 0 < len(reference) <= REFERENCE_LIMIT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_reference")
