"""Checkout Sessions: a page that takes a card and confirms the amount."""

import time
from http import HTTPStatus
from typing import Any

from simulators.keys import Reply
from simulators.payment.cards import Card
from simulators.stripe import cards, customers, forms, intents, setups
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError, missing

OPEN_FOR = 24 * 3600


def create(books: Books, form: dict[str, Any], address: str) -> Reply:
    """Open a page for one purchase, or one that keeps a card."""
    if form.get("mode") not in {"payment", "setup"}:
        raise ApiError("Only payments and setups are played here", param="mode")
    if "payment_method_types" in form:
        raise ApiError("Not supported", code="payment_method_types_no_longer_supported")
    if form["mode"] == "setup":
        return setups.create(books, form, address)
    (item,) = forms.values(form.get("line_items")) or [{}]
    price = item.get("price_data", {})
    amount, currency = intents.parse_amount(price.get("unit_amount"), price.get("currency"))
    if not form.get("success_url"):
        raise ApiError("success_url is missing", code="parameter_missing", param="success_url")
    session = books.add(
        "checkout.session",
        "cs_test",
        {
            "adaptive_pricing": {"enabled": False},
            "amount_total": amount,
            "cancel_url": form.get("cancel_url"),
            "client_reference_id": form.get("client_reference_id"),
            "currency": currency,
            "customer": None,
            "customer_creation": form.get("customer_creation", "if_required"),
            "expires_at": int(time.time()) + OPEN_FOR,
            "metadata": form.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "status": "open",
            "success_url": form["success_url"],
            "_intent": form.get("payment_intent_data", {}),
            "_started": "",
            "_name": price.get("product_data", {}).get("name", ""),
        },
    )
    session["url"] = f"{address}/c/pay/{session['id']}"
    books.save(session)
    return HTTPStatus.OK, session


def expire(books: Books, identifier: str) -> Reply:
    """End a page on which nobody has paid yet; raises `ApiError` for any other."""
    session = get(books, identifier)
    if session["status"] != "open":
        raise ApiError(f"The session is {session['status']}", code="resource_invalid_state")
    if session["_started"]:
        intents.cancel(books, session["_started"])
    session.update(status="expired", url=None)
    books.save(session)
    return HTTPStatus.OK, session


def get(books: Books, identifier: str) -> Object:
    """Return a session; raises `ApiError` with 404 if there is none."""
    session = books.get(identifier)
    if session is None or session["object"] != "checkout.session":
        raise missing(identifier, param="session")
    return session


def pay(books: Books, session: Object, card: Card, *, wallet: str, address: str) -> Object:
    """Ask the bank for the amount, and complete the session if it approves. Return the payment."""
    wanted, method = session["_intent"], cards.add_method(books, card, wallet=wallet)
    intent = books.get(session["_started"]) or intents.add(
        books,
        amount=session["amount_total"],
        currency=session["currency"],
        capture_method=wanted.get("capture_method", "automatic_async"),
        customer=None,
        metadata=wanted.get("metadata", {}),
        setup_future_usage=wanted.get("setup_future_usage"),
        _session=session["id"],
    )
    if session["customer_creation"] == "always":
        customers.attach_to_new(books, method, intent)
    session["_started"] = intent["id"]
    books.save(session)
    intents.confirm(books, intent, method, address=address, return_url=session["success_url"])
    complete(books, intent)
    return intent


def complete(books: Books, intent: Object) -> None:
    """Complete the session of a payment that the bank has approved. Any other stays open."""
    session = books.get(intent.get("_session", ""))
    if session and intent["status"] in {"requires_capture", "succeeded"}:
        session.update(
            status="complete",
            payment_intent=intent["id"],
            payment_status="unpaid" if intent["status"] == "requires_capture" else "paid",
            customer=intent["customer"],
            url=None,
        )
        books.save(session)
