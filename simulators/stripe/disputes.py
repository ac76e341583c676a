"""Disputes and early fraud warnings: opened by a test, answered or accepted by the merchant."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, Request, Route, json_answer, route
from simulators.keys import Reply
from simulators.stripe import intents
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError, missing
from simulators.stripe.showing import shown

FEE = 1500
DUE_IN = 7 * 24 * 3600
Announce = Callable[[Object], None]


def routes_for_tests(books: Books, announce: Announce) -> list[Route]:
    """Return the routes by which a test lets the customer's bank act."""

    def answer(found: Object) -> Answer:
        announce(found)
        return json_answer(shown(found))

    def dispute(request: Request, intent: str) -> Answer:
        return answer(_open(books, intent, request.json()))

    def end(request: Request, identifier: str) -> Answer:
        return answer(_end(books, identifier, str(request.json().get("status"))))

    def warn(_request: Request, intent: str) -> Answer:
        return answer(_warn(books, intent))

    return [
        route("POST", "/payments/([^/]+)/dispute", dispute),
        route("POST", "/disputes/([^/]+)/end", end),
        route("POST", "/payments/([^/]+)/fraud_warning", warn),
    ]


def get(books: Books, identifier: str) -> Object:
    """Return a dispute or warning; raises `ApiError` with 404 if there is none."""
    found = books.get(identifier)
    if found is None or found["object"] not in {"dispute", "radar.early_fraud_warning"}:
        raise missing(identifier)
    return found


def answer(books: Books, identifier: str, form: dict[str, Any]) -> Reply:
    """Store the merchant's evidence, which can be sent once."""
    found = get(books, identifier)
    if not found["status"].endswith("needs_response"):
        raise ApiError("The dispute cannot be answered", code="dispute_not_answerable")
    found["evidence"] = form.get("evidence", {})
    if form.get("submit") == "true":
        found["status"] = found["status"].replace("needs_response", "under_review")
    books.save(found)
    return HTTPStatus.OK, found


def close(books: Books, identifier: str) -> Reply:
    """Accept the dispute: the customer keeps the money."""
    return HTTPStatus.OK, _move(books, get(books, identifier), "lost")


def _open(books: Books, intent: str, body: dict[str, Any]) -> Object:
    payment = intents.get(books, intent)
    is_inquiry = body.get("kind") == "inquiry"
    fields = {
        "amount": payment["amount"],
        "currency": payment["currency"],
        "charge": payment["latest_charge"],
        "payment_intent": intent,
        "reason": str(body.get("reason", "general")),
        "status": "warning_needs_response" if is_inquiry else "needs_response",
        "evidence": {},
        "evidence_details": {"due_by": int(time.time()) + DUE_IN, "has_evidence": False},
        "balance_transactions": [] if is_inquiry else [_booked(payment, -1)],
    }
    with books.transaction():
        return books.add("dispute", "dp", fields)


def _end(books: Books, identifier: str, status: str) -> Object:
    with books.transaction():
        return _move(books, get(books, identifier), status)


def _move(books: Books, found: Object, status: str) -> Object:
    is_inquiry = found["status"].startswith("warning_")
    if status == "won" and found["balance_transactions"]:
        found["balance_transactions"].append(_booked(found, 1))
    if status == "lost" and not found["balance_transactions"]:
        found["balance_transactions"].append(_booked(found, -1))
    found["status"] = "warning_closed" if is_inquiry and status == "won" else status
    books.save(found)
    return found


def _booked(of: Object, sign: int) -> Object:
    fee = FEE if sign < 0 else 0
    return {"amount": sign * of["amount"], "currency": of["currency"], "fee": fee}


def _warn(books: Books, intent: str) -> Object:
    payment = intents.get(books, intent)
    fields = {
        "actionable": True,
        "charge": payment["latest_charge"],
        "payment_intent": intent,
        "fraud_type": "unauthorized_use_of_card",
    }
    with books.transaction():
        return books.add("radar.early_fraud_warning", "issfr", fields)
