"""What the billing does with payments: prepare, validate, confirm, cancel, show."""

import secrets
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from simulators.carrier_billing.books import Books, Row, matches
from simulators.carrier_billing.presets import preset, refuse_if_preset
from simulators.carrier_billing.refusals import (
    BillingRefusal,
    charging_answer,
    invalid,
    parse_charging,
    require_number,
    require_object,
    require_text,
)

MOST_TRIES = 5
SLOWLY = 2.0
ROWS_OF_A_PAGE, MOST_ROWS = 10, 100
# The states that a payment can still leave, and all states.
OPEN = frozenset({"reserved", "pending_validation", "processing"})
STATUSES = OPEN | {"denied", "succeeded", "cancelled"}


def prepare(books: Books, body: dict[str, Any], address: str) -> dict[str, Any]:
    """Reserve an amount. The same request with the same correlator gets the same payment."""
    transaction = require_object(body, "amountTransaction")
    number, reference = require_number(transaction), require_text(transaction, "referenceCode")
    asked = require_object(transaction, "paymentAmount")
    charging = parse_charging(require_object(asked, "chargingInformation"))
    correlator = str(transaction.get("clientCorrelator", ""))
    known = books.payment_of(correlator)
    if known is not None:
        if not matches(known, transaction):
            raise invalid()
        return describe_prepared(_now(books, known), address)
    if books.payment_for(reference):
        raise BillingRefusal(HTTPStatus.CONFLICT, "ALREADY_EXISTS")
    refuse_if_preset(number)
    row = _new_row(number, correlator, reference, charging, transaction)
    books.add_payment(row)
    return describe_prepared(_now(books, row), address)


def _new_row(
    number: str, correlator: str, reference: str, charging: dict[str, Any], asked: dict[str, Any]
) -> Row:
    treated, at = preset(number), time.time()
    wants_code = treated.status == "pending_validation"
    return {
        "id": f"bill-{secrets.token_hex(10)}",
        "number": number,
        "correlator": correlator,
        "reference": reference,
        "charging": charging,
        "asked": asked,
        "status": "processing" if treated.seconds else treated.status,
        "becomes": treated.status if treated.seconds else "",
        "becomes_at": at + treated.seconds,
        "created_at": at,
        "charged_at": None,
        "expires_at": at + treated.lasts,
        "authorization": secrets.token_hex(8) if wants_code else "",
        "code": f"{secrets.randbelow(10**6):06}" if wants_code else "",
        "has_page": treated.has_page,
        "wrong": 0,
    }


def validate(books: Books, identifier: str, body: dict[str, Any]) -> None:
    """Compare a code. A wrong code counts. After too many, the payment is denied."""
    row = require_payment(books, identifier)
    authorization, code = require_text(body, "authorizationId"), require_text(body, "code")
    if authorization != row["authorization"]:
        raise BillingRefusal(HTTPStatus.BAD_REQUEST, "INVALID_AUTHORIZATION_ID")
    if row["status"] in {"reserved", "succeeded"}:
        raise BillingRefusal(HTTPStatus.CONFLICT, "ALREADY_EXISTS")
    if row["status"] != "pending_validation":
        raise BillingRefusal(HTTPStatus.BAD_REQUEST, "VALIDATION_FAILED")
    if secrets.compare_digest(code.encode(), row["code"].encode()):
        books.change_payment(row, status="reserved")
        return
    wrong = row["wrong"] + 1
    is_over = wrong >= MOST_TRIES
    books.change_payment(row, wrong=wrong, status="denied" if is_over else row["status"])
    # The count is kept although the request is refused.
    raise WrongCode("VALIDATION_FAILED" if is_over else "INVALID_CODE")


class WrongCode(Exception):
    """A wrong code was counted. The transaction that counts it must be committed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.refusal = BillingRefusal(HTTPStatus.BAD_REQUEST, code)


def decide(books: Books, identifier: str, *, approves: bool) -> None:
    """Store what the customer decides on the operator's own page."""
    row = require_payment(books, identifier)
    if row["status"] == "pending_validation":
        books.change_payment(row, status="reserved" if approves else "denied")


def confirm(books: Books, identifier: str, body: dict[str, Any]) -> None:
    """Charge what is reserved."""
    row = _require_open(books, identifier, body)
    if row["status"] != "reserved":
        raise BillingRefusal(HTTPStatus.FORBIDDEN, "PAYMENT_DENIED")
    at = time.time()
    if preset(row["number"]).confirms_slowly:
        books.change_payment(
            row, status="processing", becomes="succeeded", becomes_at=at + SLOWLY, charged_at=at
        )
    else:
        books.change_payment(row, status="succeeded", charged_at=at)


def cancel(books: Books, identifier: str, body: dict[str, Any]) -> None:
    """Cancel a reservation, or a payment that is not reserved yet."""
    row = _require_open(books, identifier, body)
    books.change_payment(row, status="cancelled", becomes="")


def _require_open(books: Books, identifier: str, body: dict[str, Any]) -> Row:
    row, number = require_payment(books, identifier), require_number(body)
    if number != row["number"]:
        raise BillingRefusal(HTTPStatus.NOT_FOUND, "IDENTIFIER_NOT_FOUND")
    refusals = {"succeeded": "PAYMENT_CONFIRMED", "cancelled": "PAYMENT_CANCELLED"}
    if row["status"] in refusals:
        raise BillingRefusal(HTTPStatus.CONFLICT, refusals[row["status"]])
    if row["status"] == "denied":
        raise BillingRefusal(HTTPStatus.FORBIDDEN, "PAYMENT_DENIED")
    return row


def require_payment(books: Books, identifier: str) -> Row:
    """Return the payment as it stands now."""
    row = books.payment(identifier)
    if row is None:
        raise BillingRefusal(HTTPStatus.NOT_FOUND, "NOT_FOUND")
    return _now(books, row)


def _now(books: Books, row: Row) -> Row:
    """Carry out what is due: a slow decision, or the end of a reservation."""
    at = time.time()
    if row["becomes"] and at >= row["becomes_at"]:
        row = books.change_payment(row, status=row["becomes"], becomes="")
    if row["status"] in OPEN and not row["becomes"] and at >= row["expires_at"]:
        row = books.change_payment(row, status="cancelled")
    return row


def describe_prepared(row: Row, address: str) -> dict[str, Any]:
    """Return the payment as `preparePayment` shows it, with the step that the customer must do."""
    shown = describe(row)
    if row["status"] in {"pending_validation", "processing"} and row["authorization"]:
        url = f"{address}/validate/{row['id']}"
        shown["validationInfo"] = (
            {"action": "open", "validationURL": url}
            if row["has_page"]
            else {"action": "validate", "authorizationId": row["authorization"]}
        )
    return shown


def describe(row: Row) -> dict[str, Any]:
    """Return the payment as the API shows it."""
    shown = {
        "paymentId": row["id"],
        "paymentStatus": row["status"],
        "paymentCreationDate": show_time(row["created_at"]),
        "amountTransaction": {
            "phoneNumber": row["number"],
            "referenceCode": row["reference"],
            "paymentAmount": {"chargingInformation": charging_answer(row["charging"])},
            "serverReferenceCode": row["id"],
        },
    }
    if row["correlator"]:
        shown["amountTransaction"]["clientCorrelator"] = row["correlator"]
    if row["status"] == "succeeded":
        shown["paymentDate"] = show_time(row["charged_at"])
    return shown


def find(books: Books, query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the payments that the query asks for, one page of them."""
    since, until = _parse_time(query, "gte"), _parse_time(query, "lte")
    if since is not None and until is not None and until < since:
        raise BillingRefusal(HTTPStatus.BAD_REQUEST, "INVALID_DATE_RANGE")
    wanted = set(filter(None, query.get("paymentStatus", "").split(",")))
    if wanted - STATUSES:
        raise invalid()
    rows = [_now(books, row) for row in books.payments()]
    found = [
        describe(row)
        for row in rows
        if (since is None or row["created_at"] >= since)
        and (until is None or row["created_at"] <= until)
        and (not wanted or row["status"] in wanted)
    ]
    return page_of(found if query.get("order") == "asc" else found[::-1], query)


def page_of(rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Return one page of the rows."""
    size = _parse_count(query, "perPage", ROWS_OF_A_PAGE)
    first = (_parse_count(query, "page", 1) - 1) * size
    return rows[first : first + size]


def _parse_count(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= MOST_ROWS:
        raise invalid()
    return int(text)


def _parse_time(query: dict[str, str], name: str) -> float | None:
    text = query.get(f"paymentCreationDate.{name}")
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid() from error
    if at.tzinfo is None:
        raise invalid()
    return at.timestamp()


def show_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
