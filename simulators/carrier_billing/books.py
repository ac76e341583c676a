"""The billing's books: payments with their codes, and refunds."""

import json
from collections.abc import Mapping
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    id TEXT PRIMARY KEY, correlator TEXT NOT NULL, reference TEXT NOT NULL, content TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY, payment TEXT NOT NULL, correlator TEXT NOT NULL, content TEXT NOT NULL
);
"""
Row = dict[str, Any]


class Books:
    """The database of the simulator. Callers change it inside a transaction only.

    A row is a JSON object. `asked` is the body of the request that made it: a repeated request must
    have the same body.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_payment(self, row: Row) -> None:
        self.store.execute(
            "INSERT INTO payment VALUES (?, ?, ?, ?)",
            *(row["id"], row["correlator"], row["reference"], json.dumps(row)),
        )

    def change_payment(self, row: Row, **changes: Any) -> Row:
        new = {**row, **changes}
        self.store.execute(
            "UPDATE payment SET content = ? WHERE id = ?", json.dumps(new), row["id"]
        )
        return new

    def payment(self, identifier: str) -> Row | None:
        return _first(self.store.execute("SELECT * FROM payment WHERE id = ?", identifier))

    def payment_of(self, correlator: str) -> Row | None:
        """Return the payment that was made with this correlator."""
        if not correlator:
            return None
        found = "SELECT * FROM payment WHERE correlator = ? ORDER BY rowid"
        return _first(self.store.execute(found, correlator))

    def payment_for(self, reference: str) -> Row | None:
        """Return the payment with this reference."""
        found = "SELECT * FROM payment WHERE reference = ? ORDER BY rowid"
        return _first(self.store.execute(found, reference))

    def payments(self) -> list[Row]:
        rows = self.store.execute("SELECT content FROM payment ORDER BY rowid")
        return [json.loads(row["content"]) for row in rows]

    def add_refund(self, row: Row) -> None:
        self.store.execute(
            "INSERT INTO refund VALUES (?, ?, ?, ?)",
            *(row["id"], row["payment"], row["correlator"], json.dumps(row)),
        )

    def change_refund(self, row: Row, **changes: Any) -> Row:
        new = {**row, **changes}
        self.store.execute("UPDATE refund SET content = ? WHERE id = ?", json.dumps(new), row["id"])
        return new

    def refunds(self, payment: str = "") -> list[Row]:
        """Return the refunds of a payment, or all of them."""
        rows = self.store.execute(
            "SELECT content FROM refund WHERE payment = ? OR ? = '' ORDER BY rowid",
            *(payment, payment),
        )
        return [json.loads(row["content"]) for row in rows]

    def forget_correlators(self) -> None:
        """Forget all correlators, so that a repeated one counts as new, as at a real server."""
        for row in self.payments():
            self.store.execute("UPDATE payment SET correlator = '' WHERE id = ?", row["id"])

    def empty(self) -> None:
        with self.store.transaction():
            self.store.execute("DELETE FROM payment")
            self.store.execute("DELETE FROM refund")


def _first(rows: list[Any]) -> Row | None:
    return json.loads(rows[0]["content"]) if rows else None


def matches(row: Row, asked: Mapping[str, Any]) -> bool:
    """Return whether the same request made this row."""
    return bool(row["asked"] == asked)
