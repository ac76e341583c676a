"""The voucher server's books: vouchers, what is reserved or redeemed of them, and returns."""

import secrets
import time
from typing import Any

from simulators import keys, ledger
from simulators.store import Store

SCHEMA = f"""{keys.SCHEMA}{ledger.SCHEMA}
CREATE TABLE IF NOT EXISTS voucher (
    code TEXT PRIMARY KEY,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    expires_at REAL NOT NULL,
    is_blocked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS reservation (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL,
    key TEXT NOT NULL,
    expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS given_back (
    id TEXT PRIMARY KEY,
    reservation TEXT NOT NULL,
    key TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL
);
"""
TABLES = ("voucher", "reservation", "given_back", "answer", "entry")
# A reservation as it stands now: one that was not redeemed in time has lapsed.
RESERVATIONS = """
SELECT id, code, amount, currency, reference, key, expires_at,
    CASE WHEN status = 'reserved' AND expires_at <= ? THEN 'cancelled' ELSE status END AS status,
    reason,
    (SELECT coalesce(sum(given_back.amount), 0) FROM given_back
        WHERE reservation = reservation.id AND given_back.status = 'done') AS returned
FROM reservation
"""


class Books:
    """The database of the simulator. Callers change it inside a transaction only."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def issue(
        self, code: str, *, amount: int, currency: str, expires_at: float, is_blocked: bool
    ) -> None:
        """Store a voucher, or replace the one with this code."""
        self.store.execute(
            "INSERT OR REPLACE INTO voucher VALUES (?, ?, ?, ?, ?)",
            *(code, amount, currency, expires_at, is_blocked),
        )

    def voucher(self, code: str) -> dict[str, Any] | None:
        """Return a voucher with what was spent of it, and what is held by reservations."""
        rows = self.store.execute("SELECT * FROM voucher WHERE code = ?", code)
        if not rows:
            return None
        found = [one for one in self.reservations() if one["code"] == code]
        held = sum(one["amount"] for one in found if one["status"] == "reserved")
        spent = sum(
            one["amount"] - one["returned"]
            for one in found
            if one["status"] in {"redeemed", "returned"}
        )
        return {**dict(rows[0]), "held": held, "spent": spent}

    def add_reservation(
        self, status: str, reason: str, body: dict[str, Any], *, key: str, expires_at: float
    ) -> str:
        """Store a reservation, or its refusal, and return its id."""
        identifier = f"res_{secrets.token_hex(12)}"
        asked = [body[name] for name in ("amount", "currency", "reference")]
        self.store.execute(
            "INSERT INTO reservation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(identifier, body["code"], status, reason, *asked, key, expires_at),
        )
        return identifier

    def reservations(self) -> list[dict[str, Any]]:
        rows = self.store.execute(f"{RESERVATIONS} ORDER BY rowid", time.time())
        return [dict(row) for row in rows]

    def reservation(self, identifier: str) -> dict[str, Any] | None:
        return next((one for one in self.reservations() if one["id"] == identifier), None)

    def set_status(self, identifier: str, status: str) -> None:
        self.store.execute("UPDATE reservation SET status = ? WHERE id = ?", status, identifier)
        self._book(identifier)

    def _book(self, identifier: str) -> None:
        """Add to the ledger what the reservation and its returns say, and what it lacks."""
        rows = "SELECT id, status, amount, currency, reference FROM reservation WHERE id = ?"
        reservation = dict(self.store.execute(rows, identifier)[0])
        was_redeemed = reservation["status"] in {"redeemed", "returned"}
        due = reservation["amount"] if was_redeemed else 0
        ledger.book(self.store, "charge", reservation, due=due)
        for made in self.returns(identifier):
            due = -made["amount"] if made["status"] == "done" else 0
            ledger.book(self.store, "refund", reservation, due=due, cause=made["id"])

    def lapse(self, identifier: str) -> None:
        """Let the time of a reservation be over now."""
        self.store.execute("UPDATE reservation SET expires_at = 0 WHERE id = ?", identifier)

    def add_return(self, reservation: str, *, key: str, amount: int, reason: str) -> str:
        """Store that an amount goes back onto the voucher, or why it cannot. Return its id."""
        identifier = f"ret_{secrets.token_hex(12)}"
        status = "failed" if reason else "done"
        self.store.execute(
            "INSERT INTO given_back VALUES (?, ?, ?, ?, ?, ?)",
            *(identifier, reservation, key, amount, status, reason),
        )
        self._book(reservation)
        return identifier

    def returns(self, reservation: str) -> list[dict[str, Any]]:
        rows = self.store.execute(
            "SELECT * FROM given_back WHERE reservation = ? ORDER BY rowid", reservation
        )
        return [dict(row) for row in rows]

    def empty(self) -> None:
        with self.store.transaction():
            for table in TABLES:
                self.store.execute(f"DELETE FROM {table}")  # noqa: S608 -- the names stand above

    def shown(self) -> dict[str, Any]:
        """Return all vouchers and reservations."""
        with self.store.transaction():
            codes = self.store.execute("SELECT code FROM voucher ORDER BY rowid")
            vouchers = [self.voucher(row["code"]) for row in codes]
            entries = [dict(row) for row in self.store.execute("SELECT * FROM entry")]
            reservations = self.reservations()
        return {"vouchers": vouchers, "reservations": reservations, "entries": entries}
