"""Tokens and payments, and the same answer to the same request.

Only a successful answer is stored under its idempotency key. A refusal,
such as a mistyped number or an unknown payment, changes nothing. A
corrected request may use the same key.
"""

import hashlib
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from simulators.payment import cards
from simulators.payment.books import Books
from simulators.payment.states import ACTIONS, NEXT_STATES, PaymentState

HIGHEST_AMOUNT = 10**12
KEY_LIMIT = 255
REFERENCE_LIMIT = 100
CURRENCY = re.compile(r"[A-Z]{3}")
Reply = tuple[int, dict[str, Any]]
# The state of a payment with a card that the bank does not decline.
APPROVED = {
    cards.APPROVE: PaymentState.AUTHORISED,
    cards.CUSTOMER_STEP: PaymentState.REQUIRES_ACTION,
    cards.CHARGE: PaymentState.CAPTURED,
}


class Refused(Exception):
    def __init__(
        self, status: HTTPStatus, error: str, *, state: PaymentState | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "status": str(state)} if state else {"error": error}


def answer_once(books: Books, key: str, asked: str, work: Callable[[], Reply]) -> Reply:
    """Do the work, or return the stored answer if it was already done with this key.

    `asked` is the digest of the request. Raises `Refused` with 409 `key_reused` if the key was
    used for another request.
    """
    if not 0 < len(key) <= KEY_LIMIT:
        raise Refused(HTTPStatus.BAD_REQUEST, "key_required")
    with books.transaction():
        stored = books.answer_for_key(key)
        if stored and stored[0] != asked:
            raise Refused(HTTPStatus.CONFLICT, "key_reused")
        if stored:
            return stored[1:]
        status, body = work()
        books.store_answer(key, asked=asked, status=status, body=body)
    return status, body


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

    A declined payment is stored too. `address` is this provider's address, under
    which the bank's page is served.
    """
    card = books.card(str(body.get("token")))
    if card is None:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_token")
    _check_order(body)
    reason = _decline_reason(card)
    wants_step = not reason and card.behaviour == cards.CUSTOMER_STEP
    return_url = parse_return_url(body) if wants_step else ""
    status = PaymentState.DECLINED if reason else APPROVED[card.behaviour]
    identifier = books.add_payment(
        status,
        amount=body["amount"],
        currency=body["currency"],
        reference=body["reference"],
        key=key,
        reason=reason,
    )
    shown = {"id": identifier, "status": str(status)}
    if wants_step:
        books.add_challenge(identifier, return_url)
        return HTTPStatus.CREATED, {**shown, "url": challenge_url(address, identifier)}
    return HTTPStatus.CREATED, {**shown, **refusal(reason)}


def refusal(reason: str) -> dict[str, str]:
    """Return the fields of a declined payment: the reason, and what it means for the card."""
    if not reason:
        return {}
    if reason in cards.FINAL_REASONS:
        kind = "final"
    else:
        kind = "customer" if reason in cards.REASONS_FOR_THE_CUSTOMER else "later"
    return {"reason": reason, "kind": kind}


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


def change_payment(books: Books, identifier: str, action: str) -> Reply:
    """Capture, void or refund the whole amount.

    Raises `Refused` with 409 and the current state if that
    state does not allow the action.
    """
    payment = books.payment(identifier)
    if payment is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_payment")
    old, new = PaymentState(payment["status"]), ACTIONS[action]
    if new not in NEXT_STATES[old]:
        raise Refused(HTTPStatus.CONFLICT, "invalid_state", state=old)
    books.set_status(identifier, new)
    return HTTPStatus.OK, {"id": identifier, "status": str(new)}


def _decline_reason(card: cards.Card) -> str:
    if cards.is_past(card.exp_month, card.exp_year):
        return "expired_card"
    return "" if card.behaviour in APPROVED else card.behaviour


def _check_order(body: dict[str, Any]) -> None:
    amount, currency, reference = body.get("amount"), body.get("currency"), body.get("reference")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < HIGHEST_AMOUNT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_amount")
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_currency")
    if not isinstance(reference, str) or not 0 < len(reference) <= REFERENCE_LIMIT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_reference")
