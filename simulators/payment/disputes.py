"""Disputes, inquiries and early fraud warnings about payments that were charged.

A dispute takes its amount and a fee from the merchant when it opens. The amount comes back if the
merchant wins. An inquiry takes nothing, and may become a dispute.
"""

import secrets
import sqlite3
import time
from http import HTTPStatus
from typing import Any

from simulators.keys import Refused, Reply
from simulators.payment import cards
from simulators.payment.booking import book_payment
from simulators.payment.books import Books
from simulators.payment.states import DisputeKind, DisputeStatus, PaymentState

FRAUD = "fraudulent"
REASONS = (FRAUD, "product_not_received", "duplicate", "general")
FEE = 1500
ANSWER_WITHIN = 14 * 24 * 3600
OPEN = (DisputeStatus.NEEDS_ANSWER, DisputeStatus.UNDER_REVIEW)
# What each card leads to as soon as it is charged: the kind and the reason of its dispute.
OF_CARD = {
    cards.DISPUTED: (DisputeKind.DISPUTE, "product_not_received"),
    cards.DISPUTED_AS_FRAUD: (DisputeKind.DISPUTE, FRAUD),
    cards.INQUIRED: (DisputeKind.INQUIRY, "product_not_received"),
}


def open_by_card(books: Books, payment: str) -> None:
    """Open what the payment's card leads to when it is charged."""
    behaviour = books.behaviour(payment)
    if behaviour in OF_CARD:
        kind, reason = OF_CARD[behaviour]
        open_dispute(books, payment, {"kind": kind, "reason": reason})
    if behaviour == cards.WARNED_OF:
        open_warning(books, payment)


def open_dispute(books: Books, payment: str, body: dict[str, Any]) -> Reply:
    """Open a dispute or an inquiry about `amount`, or about all that is left of the charge."""
    shown = books.payment(payment)
    if shown is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_payment")
    if shown["status"] not in {PaymentState.CAPTURED, PaymentState.REFUNDED}:
        raise Refused(HTTPStatus.CONFLICT, "invalid_state", state=shown["status"])
    kind = DisputeKind(str(body.get("kind", DisputeKind.DISPUTE)))
    identifier = f"dis_{secrets.token_hex(12)}"
    books.store.execute(
        "INSERT INTO dispute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', 1)",
        *(identifier, payment, kind, DisputeStatus.NEEDS_ANSWER),
        str(body.get("reason", "general")),
        int(body.get("amount") or shown["amount"] - shown["refunded"] or shown["amount"]),
        shown["currency"],
        FEE if kind == DisputeKind.DISPUTE else 0,
        int(time.time()) + ANSWER_WITHIN,
    )
    book_payment(books.store, payment)
    return describe_dispute(books, identifier)


def describe_dispute(books: Books, identifier: str) -> Reply:
    """Return what the merchant is told about a dispute."""
    row = _dispute(books, identifier)
    is_taken = row["kind"] == DisputeKind.DISPUTE and row["status"] != DisputeStatus.WON
    shown = {name: row[name] for name in row.keys() if name not in {"evidence", "changes"}}  # noqa: SIM118 -- a row iterates over its values
    return HTTPStatus.OK, {**shown, "taken": row["amount"] if is_taken else 0}


def answer_dispute(books: Books, identifier: str, body: dict[str, Any]) -> Reply:
    """Take the merchant's evidence: names and texts."""
    evidence = body.get("evidence")
    if not isinstance(evidence, dict) or not evidence:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "evidence_required")
    _require(books, identifier, DisputeStatus.NEEDS_ANSWER)
    texts = "\n\n".join(f"{name}\n{text}" for name, text in evidence.items())
    books.store.execute("UPDATE dispute SET evidence = ? WHERE id = ?", texts, identifier)
    return set_status(books, identifier, DisputeStatus.UNDER_REVIEW)


def accept_dispute(books: Books, identifier: str) -> Reply:
    """Let the customer have the money. An inquiry has taken none, so it cannot be accepted."""
    row = _require(books, identifier, DisputeStatus.NEEDS_ANSWER)
    if row["kind"] == DisputeKind.INQUIRY:
        raise Refused(HTTPStatus.CONFLICT, "inquiry")
    return set_status(books, identifier, DisputeStatus.LOST)


def end_dispute(books: Books, identifier: str, body: dict[str, Any]) -> Reply:
    """Let the bank decide: `status` is any status, or `dispute` to make an inquiry a dispute."""
    wanted = str(body.get("status"))
    _dispute(books, identifier)
    if wanted == DisputeKind.DISPUTE:
        books.store.execute(
            "UPDATE dispute SET kind = ?, fee = ? WHERE id = ?", wanted, FEE, identifier
        )
        wanted = DisputeStatus.NEEDS_ANSWER
    return set_status(books, identifier, wanted)


def set_status(books: Books, identifier: str, status: str) -> Reply:
    """Set the status. Tests may set one that is not known."""
    books.store.execute(
        "UPDATE dispute SET status = ?, changes = changes + 1 WHERE id = ?", status, identifier
    )
    book_payment(books.store, _dispute(books, identifier)["payment"])
    return describe_dispute(books, identifier)


def open_warning(books: Books, payment: str) -> Reply:
    """Warn that the customer's bank takes this payment for fraud. No money is taken."""
    if books.payment(payment) is None:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_payment")
    identifier = f"warn_{secrets.token_hex(12)}"
    books.store.execute(
        "INSERT INTO fraud_warning VALUES (?, ?, ?)", identifier, payment, "stolen_card"
    )
    return describe_warning(books, identifier)


def describe_warning(books: Books, identifier: str) -> Reply:
    rows = books.store.execute("SELECT * FROM fraud_warning WHERE id = ?", identifier)
    if not rows:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_warning")
    return HTTPStatus.OK, dict(rows[0])


def subjects_of(books: Books, payment: str) -> list[tuple[str, str, int]]:
    """Return what events about this payment name: the subject, its id, and its changes."""
    disputes = books.store.execute(
        "SELECT id, changes FROM dispute WHERE payment = ? ORDER BY rowid", payment
    )
    warnings = books.store.execute(
        "SELECT id FROM fraud_warning WHERE payment = ? ORDER BY rowid", payment
    )
    return [
        *(("dispute", str(row["id"]), int(row["changes"])) for row in disputes),
        *(("fraud_warning", str(row["id"]), 1) for row in warnings),
    ]


def _require(books: Books, identifier: str, status: DisputeStatus) -> sqlite3.Row:
    row = _dispute(books, identifier)
    if row["status"] != status:
        raise Refused(HTTPStatus.CONFLICT, "invalid_state", state=row["status"])
    return row


def _dispute(books: Books, identifier: str) -> sqlite3.Row:
    rows = books.store.execute("SELECT * FROM dispute WHERE id = ?", identifier)
    if not rows:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_dispute")
    return rows[0]
