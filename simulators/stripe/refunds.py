"""Refunds, whole and in parts."""

from http import HTTPStatus
from typing import Any

from simulators.keys import Reply
from simulators.payment.cards import NO_REFUND, SLOW_REFUND
from simulators.stripe import intents
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError, missing

STATUS = {SLOW_REFUND: "pending", NO_REFUND: "failed"}
# The statuses of refunds whose money is given back, or may still be.
COUNTED = frozenset({"pending", "requires_action", "succeeded"})


def create(books: Books, form: dict[str, Any]) -> Reply:
    """Give back `amount`; raises `ApiError` for more than what is left of the charge."""
    intent = intents.get(books, str(form.get("payment_intent")))
    charge = intents.charge_of(books, intent)
    if not charge["captured"]:
        raise ApiError("The charge is not captured", code="charge_not_captured")
    left = charge["amount_captured"] - _given_back(books, charge)
    amount = int(form.get("amount", left))
    if left == 0:
        raise ApiError("The charge is given back", code="charge_already_refunded")
    if not 0 < amount <= left:
        raise ApiError("The refund is more than what is left", param="amount")
    status = STATUS.get(charge["_behaviour"], "succeeded")
    refund = books.add(
        "refund",
        "re",
        {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": form.get("metadata", {}),
            "payment_intent": intent["id"],
            "reason": None,
            "status": status,
            **({"failure_reason": "expired_or_canceled_card"} if status == "failed" else {}),
        },
    )
    _count(books, charge)
    return HTTPStatus.OK, refund


def end(books: Books, identifier: str, status: str) -> Object:
    """Let the bank decide about a refund that is pending."""
    refund = books.get(identifier)
    if refund is None:
        raise missing(identifier)
    refund["status"] = status
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    books.save(refund)
    charge = books.get(refund["charge"])
    if charge is not None:
        _count(books, charge)
    return refund


def of_payment(books: Books, intent: str) -> list[Object]:
    """Return the refunds of a payment, the newest first."""
    return [one for one in reversed(books.all("refund")) if one["payment_intent"] == intent]


def _given_back(books: Books, charge: Object) -> int:
    refunds = [one for one in books.all("refund") if one["charge"] == charge["id"]]
    return sum(int(one["amount"]) for one in refunds if one["status"] in COUNTED)


def _count(books: Books, charge: Object) -> None:
    given_back = _given_back(books, charge)
    charge.update(amount_refunded=given_back, refunded=given_back == charge["amount"])
    books.save(charge)
