"""What the billing does with refunds: give back a charge or a part of it, and show the rest."""

import secrets
import time
from http import HTTPStatus
from typing import Any

from simulators.carrier_billing import desk
from simulators.carrier_billing.books import Books, Row, matches
from simulators.carrier_billing.presets import preset
from simulators.carrier_billing.refusals import (
    REFUNDS,
    BillingRefusal,
    charging_answer,
    invalid,
    parse_charging,
    require_object,
    require_text,
)

UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY


def create(books: Books, identifier: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give back an amount. The same request with the same correlator gets the same refund."""
    payment = desk.require_payment(books, identifier)
    transaction = require_object(body, "amountTransaction")
    correlator = str(transaction.get("clientCorrelator", ""))
    known = next((row for row in _refunds(books, payment) if row["correlator"] == correlator), None)
    if known is not None and correlator:
        if not matches(known, body):
            raise invalid()
        return describe(known)
    reference = require_text(transaction, "referenceCode")
    if payment["status"] != "succeeded":
        raise BillingRefusal(UNPROCESSABLE, "INVALID_PAYMENT_STATUS", REFUNDS)
    charging = _parse_part(payment, body, transaction)
    if charging["amount"] > _left(books, payment):
        raise BillingRefusal(UNPROCESSABLE, "UNAUTHORIZED_AMOUNT", REFUNDS)
    treated, at = preset(payment["number"]), time.time()
    row = {
        "id": f"refund-{secrets.token_hex(8)}",
        "payment": identifier,
        "correlator": correlator,
        "reference": reference,
        "type": body["type"],
        "charging": charging,
        "asked": body,
        "status": "succeeded" if treated.refund == "succeeded" else "processing",
        "created_at": at,
    }
    books.add_refund(row)
    return describe(row)


def _parse_part(payment: Row, body: dict[str, Any], transaction: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be given back: all of the charge, or the part that the request names."""
    asked = require_object(transaction, "refundAmount")
    if body.get("type") == "total":
        return dict(payment["charging"])
    if body.get("type") != "partial":
        raise invalid()
    part = parse_charging(require_object(asked, "chargingInformation"))
    charge = payment["charging"]
    if part["currency"] != charge["currency"] or part["isTaxIncluded"] != charge["isTaxIncluded"]:
        raise invalid()
    return part


def decide(books: Books, identifier: str, *, succeeds: bool) -> None:
    """Decide about those refunds of the payment that the operator has accepted."""
    for row in books.refunds(identifier):
        if row["status"] == "processing":
            books.change_refund(row, status="succeeded" if succeeds else "denied")


def remaining(books: Books, identifier: str) -> dict[str, Any]:
    """Return what is left of a charge. An undecided refund counts as given back."""
    payment = desk.require_payment(books, identifier)
    left = {**payment["charging"], "amount": _left(books, payment)}
    shown = charging_answer(left)
    return {name: shown[name] for name in ("amount", "currency", "isTaxIncluded")}


def find(books: Books, identifier: str, query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the payment's refunds, newest first unless the query says otherwise."""
    rows = [describe(row) for row in _refunds(books, desk.require_payment(books, identifier))]
    return desk.page_of(rows if query.get("order") == "asc" else rows[::-1], query)


def show(books: Books, identifier: str, refund: str) -> dict[str, Any]:
    """Return one refund."""
    rows = _refunds(books, desk.require_payment(books, identifier))
    for row in rows:
        if row["id"] == refund:
            return describe(row)
    raise BillingRefusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")


def _refunds(books: Books, payment: Row) -> list[Row]:
    return books.refunds(payment["id"])


def _left(books: Books, payment: Row) -> int:
    given = (row for row in _refunds(books, payment) if row["status"] != "denied")
    given_back: int = sum(row["charging"]["amount"] for row in given)
    return int(payment["charging"]["amount"]) - given_back


def describe(row: Row) -> dict[str, Any]:
    """Return the refund as the API shows it. Only a part names its amount."""
    part = {"chargingInformation": charging_answer(row["charging"])}
    transaction = {
        "referenceCode": row["reference"],
        "refundAmount": part if row["type"] == "partial" else {},
    }
    if row["correlator"]:
        transaction["clientCorrelator"] = row["correlator"]
    return {
        "refundId": row["id"],
        "refundStatus": row["status"],
        "type": row["type"],
        "refundCreationDate": desk.show_time(row["created_at"]),
        "amountTransaction": transaction,
    }
