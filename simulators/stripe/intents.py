"""PaymentIntents and their charges: created, confirmed, captured and cancelled."""

import time
from http import HTTPStatus
from typing import Any

from simulators.keys import Reply
from simulators.payment.cards import CUSTOMER_STEP
from simulators.stripe import cards
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError, missing

AUTHORISED_FOR = 7 * 24 * 3600
HIGHEST = 99_999_999
LEAST = {"usd": 50, "eur": 50, "jpy": 50}
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
OPEN = frozenset({"requires_payment_method", "requires_action", "requires_capture"})


def parse_amount(amount: object, currency: object) -> tuple[int, str]:
    """Return an amount that can be charged, and its currency; raises `ApiError`."""
    text = str(amount)
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST:
        raise ApiError("Invalid amount", code="parameter_invalid_integer", param="amount")
    if not isinstance(currency, str) or currency != currency.lower():
        raise ApiError("Invalid currency", code="parameter_invalid", param="currency")
    if int(text) < LEAST.get(currency, 1):
        raise ApiError("The amount is too small", code="amount_too_small", param="amount")
    if currency in THREE_DECIMALS and int(text) % 10:
        raise ApiError("The last digit must be 0", code="invalid_amount", param="amount")
    return int(text), currency


def create(books: Books, form: dict[str, Any], address: str) -> Reply:
    """Create a payment and confirm it at once. If the bank refuses, that answer is stored too."""
    if "payment_method_types" in form:
        raise ApiError("Not supported", code="payment_method_types_no_longer_supported")
    amount, currency = parse_amount(form.get("amount"), form.get("currency"))
    method = _find_usable(books, form)
    intent = add(
        books,
        amount=amount,
        currency=currency,
        capture_method=form.get("capture_method", "automatic_async"),
        customer=form.get("customer"),
        metadata=form.get("metadata", {}),
    )
    is_away = form.get("off_session") == "true"
    confirm(books, intent, method, address=address, return_url=form.get("return_url"), away=is_away)
    error = intent["last_payment_error"]
    if error:
        return HTTPStatus.PAYMENT_REQUIRED, {"error": {**error, "payment_intent": intent}}
    return HTTPStatus.OK, intent


def add(books: Books, **fields: Any) -> Object:
    """Store a payment that has no card yet."""
    return books.add(
        "payment_intent",
        "pi",
        {
            "status": "requires_payment_method",
            "amount_capturable": 0,
            "amount_received": 0,
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
            "payment_method": None,
            "setup_future_usage": None,
            "canceled_at": None,
            "cancellation_reason": None,
            **fields,
        },
    )


def confirm(
    books: Books,
    intent: Object,
    method: Object,
    *,
    address: str,
    return_url: str | None,
    away: bool = False,
) -> None:
    """Ask the bank. The payment is approved, refused, or waits for the customer."""
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    error = cards.refusal(method["_behaviour"])
    if method["_behaviour"] == CUSTOMER_STEP and away:
        code = "authentication_required"
        error = {"type": "card_error", "code": code, "decline_code": code, "message": "Confirm"}
    if error:
        intent.update(status="requires_payment_method", last_payment_error=error)
        books.save(intent)
    elif method["_behaviour"] == CUSTOMER_STEP:
        redirect = {"url": f"{address}/challenge/{intent['id']}", "return_url": return_url}
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
        intent["status"] = "requires_action"
        books.save(intent)
    else:
        approve(books, intent, method)


def approve(books: Books, intent: Object, method: Object) -> None:
    """Let the bank approve the amount, and charge it if capture is automatic."""
    is_manual = intent["capture_method"] == "manual"
    details = {**method["card"], "capture_before": int(time.time()) + AUTHORISED_FOR}
    charge = books.add(
        "charge",
        "ch",
        {
            "amount": intent["amount"],
            "amount_captured": 0 if is_manual else intent["amount"],
            "amount_refunded": 0,
            "captured": not is_manual,
            "currency": intent["currency"],
            "metadata": intent["metadata"],
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"type": "card", "card": details},
            "refunded": False,
            "disputed": False,
            "status": "succeeded",
            "_behaviour": method["_behaviour"],
        },
    )
    intent.update(
        status="requires_capture" if is_manual else "succeeded",
        latest_charge=charge["id"],
        next_action=None,
        amount_capturable=intent["amount"] if is_manual else 0,
        amount_received=0 if is_manual else intent["amount"],
    )
    books.save(intent)


def refuse_step(books: Books, intent: Object) -> None:
    """Store that the customer did not confirm at the bank."""
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": "The customer did not confirm.",
    }
    intent.update(status="requires_payment_method", last_payment_error=error, next_action=None)
    books.save(intent)


def capture(books: Books, identifier: str) -> Reply:
    """Charge the whole amount."""
    intent = get(books, identifier)
    _require(intent, {"requires_capture"})
    charge = charge_of(books, intent)
    charge.update(captured=True, amount_captured=intent["amount"])
    books.save(charge)
    intent.update(status="succeeded", amount_capturable=0, amount_received=intent["amount"])
    books.save(intent)
    return HTTPStatus.OK, intent


def cancel(books: Books, identifier: str, *, reason: str | None = None) -> Reply:
    """Cancel a payment that is not charged. An authorised amount is released at once."""
    intent = get(books, identifier)
    _require(intent, OPEN)
    if intent["latest_charge"]:
        charge = charge_of(books, intent)
        charge.update(refunded=True, amount_refunded=charge["amount"])
        books.save(charge)
    intent.update(
        status="canceled",
        amount_capturable=0,
        next_action=None,
        canceled_at=int(time.time()),
        cancellation_reason=reason,
    )
    books.save(intent)
    return HTTPStatus.OK, intent


def get(books: Books, identifier: str) -> Object:
    """Return a payment; raises `ApiError` with 404 if there is none."""
    intent = books.get(identifier)
    if intent is None or intent["object"] != "payment_intent":
        raise missing(identifier, param="intent")
    return intent


def charge_of(books: Books, intent: Object) -> Object:
    charge = books.get(str(intent["latest_charge"]))
    if charge is None:
        raise ApiError("This payment has no charge", code="charge_not_found")
    return charge


def _require(intent: Object, states: frozenset[str] | set[str]) -> None:
    if intent["status"] not in states:
        raise ApiError(
            f"The payment has the status {intent['status']}",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )


def _find_usable(books: Books, form: dict[str, Any]) -> Object:
    """Return the card to charge; raises `ApiError` for one that cannot be charged."""
    identifier = str(form.get("payment_method"))
    method = cards.find_method(books, identifier)
    if method is None or method["object"] != "payment_method":
        raise missing(identifier, param="payment_method", status=HTTPStatus.BAD_REQUEST)
    if method["_detached"]:
        raise ApiError("The card was detached", param="payment_method")
    if method["customer"] != form.get("customer"):
        raise ApiError("The card belongs to another customer", param="payment_method")
    return method
