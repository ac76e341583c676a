"""The provider's books: tokens, pages and payments, beside the answer for each key."""

import secrets
import sqlite3
import time
from contextlib import AbstractContextManager
from typing import Any

from simulators import keys, ledger
from simulators.payment.booking import book_payment
from simulators.payment.cards import Card
from simulators.payment.states import PageStatus, PaymentState
from simulators.store import Store

SCHEMA = f"""{keys.SCHEMA}{ledger.SCHEMA}
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    exp_month INTEGER NOT NULL,
    exp_year INTEGER NOT NULL,
    behaviour TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS payment (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS terms (
    payment TEXT PRIMARY KEY,
    capture_before REAL NOT NULL,
    behaviour TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY,
    payment TEXT NOT NULL,
    key TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS dispute (
    id TEXT PRIMARY KEY,
    payment TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    fee INTEGER NOT NULL,
    due_by INTEGER NOT NULL,
    evidence TEXT NOT NULL,
    changes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS fraud_warning (
    id TEXT PRIMARY KEY,
    payment TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS challenge (
    payment TEXT PRIMARY KEY,
    return_url TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS page (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    return_url TEXT NOT NULL,
    token TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS notice (
    number INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    signature TEXT NOT NULL
);
"""
TABLES = (
    *("token", "payment", "answer", "challenge", "page", "notice", "terms", "refund"),
    *("dispute", "fraud_warning", "entry"),
)
# A payment as it stands now: an authorisation that was not captured in time has lapsed. What a
# failed refund was to give back is not given back.
PAYMENTS = """
SELECT id, amount, currency, reference, key,
    CASE WHEN lapsed THEN 'voided' ELSE status END AS status,
    CASE WHEN lapsed THEN 'authorisation_expired' ELSE reason END AS reason,
    capture_before,
    (SELECT coalesce(sum(refund.amount), 0) FROM refund
        WHERE refund.payment = shown.id AND refund.status != 'failed') AS refunded,
    (SELECT coalesce(sum(dispute.amount), 0) FROM dispute WHERE dispute.payment = shown.id
        AND dispute.kind = 'dispute' AND dispute.status != 'won') AS disputed,
    EXISTS (SELECT 1 FROM dispute WHERE dispute.payment = shown.id AND dispute.kind = 'dispute'
        AND dispute.status NOT IN ('won', 'lost')) AS is_disputed
FROM (SELECT payment.*, payment.rowid AS number, capture_before,
        status = 'authorised' AND capture_before <= ? AS lapsed
    FROM payment LEFT JOIN terms ON terms.payment = payment.id) AS shown
"""


class Books:
    """The database of the simulator. Callers change it inside `transaction()` only."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def transaction(self) -> AbstractContextManager[None]:
        return self.store.transaction()

    def add_token(self, card: Card) -> str:
        token = f"tok_{secrets.token_hex(12)}"
        self.store.execute(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)",
            token,
            card.brand,
            card.last4,
            card.exp_month,
            card.exp_year,
            card.behaviour,
        )
        return token

    def card(self, token: str) -> Card | None:
        rows = self.store.execute(
            "SELECT brand, last4, exp_month, exp_year, behaviour FROM token WHERE token = ?", token
        )
        return Card(**dict(rows[0])) if rows else None

    def forget_token(self, token: str) -> None:
        self.store.execute("DELETE FROM token WHERE token = ?", token)

    def add_page(self, status: PageStatus, return_url: str) -> str:
        """Store a page on which a card can be entered, and return its id."""
        identifier = f"page_{secrets.token_hex(12)}"
        self.store.execute(
            "INSERT INTO page VALUES (?, ?, ?, '', '')", identifier, status, return_url
        )
        return identifier

    def page(self, identifier: str) -> dict[str, Any] | None:
        rows = self.store.execute("SELECT * FROM page WHERE id = ?", identifier)
        return _shown(rows[0]) if rows else None

    def end_page(
        self, identifier: str, status: PageStatus, *, token: str = "", reason: str = ""
    ) -> None:
        self.store.execute(
            "UPDATE page SET status = ?, token = ?, reason = ? WHERE id = ?",
            status,
            token,
            reason,
            identifier,
        )

    def add_payment(
        self,
        status: PaymentState,
        *,
        amount: int,
        currency: str,
        reference: str,
        key: str,
        reason: str,
        behaviour: str,
        capture_before: float,
    ) -> str:
        """Store a payment and return its id. The amount is in minor units.

        `behaviour` is that of its card, and `capture_before` the Unix time at which an
        authorisation lapses.
        """
        identifier = f"pay_{secrets.token_hex(12)}"
        self.store.execute(
            "INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?)",
            identifier,
            status,
            amount,
            currency,
            reference,
            key,
            reason,
        )
        self.store.execute(
            "INSERT INTO terms VALUES (?, ?, ?)", identifier, capture_before, behaviour
        )
        book_payment(self.store, identifier)
        return identifier

    def payment(self, identifier: str) -> dict[str, Any] | None:
        rows = self.store.execute(f"{PAYMENTS} WHERE id = ?", time.time(), identifier)
        return _shown(rows[0]) if rows else None

    def payments_with_key(self, key: str) -> list[dict[str, Any]]:
        rows = self.store.execute(f"{PAYMENTS} WHERE key = ? ORDER BY number", time.time(), key)
        return [_shown(row) for row in rows]

    def behaviour(self, payment: str) -> str:
        """Return how the payment's card behaves, even if the card was forgotten since."""
        rows = self.store.execute("SELECT behaviour FROM terms WHERE payment = ?", payment)
        return str(rows[0]["behaviour"]) if rows else ""

    def lapse(self, payment: str) -> None:
        """Let the time for a capture be over now."""
        self.store.execute("UPDATE terms SET capture_before = 0 WHERE payment = ?", payment)

    def set_status(self, identifier: str, status: PaymentState, *, reason: str = "") -> None:
        self.store.execute(
            "UPDATE payment SET status = ?, reason = ? WHERE id = ?", status, reason, identifier
        )
        book_payment(self.store, identifier)

    def add_refund(self, payment: str, *, key: str, amount: int, status: str, reason: str) -> str:
        """Store a refund of this many minor units, and return its id."""
        identifier = f"ref_{secrets.token_hex(12)}"
        self.store.execute(
            "INSERT INTO refund VALUES (?, ?, ?, ?, ?, ?)",
            *(identifier, payment, key, amount, status, reason),
        )
        return identifier

    def refunds(self, payment: str) -> list[dict[str, Any]]:
        rows = self.store.execute("SELECT * FROM refund WHERE payment = ? ORDER BY rowid", payment)
        return [_shown(row) for row in rows]

    def refund(self, identifier: str) -> dict[str, Any] | None:
        rows = self.store.execute("SELECT * FROM refund WHERE id = ?", identifier)
        return _shown(rows[0]) if rows else None

    def end_refund(self, identifier: str, *, status: str, reason: str) -> None:
        self.store.execute(
            "UPDATE refund SET status = ?, reason = ? WHERE id = ?", status, reason, identifier
        )

    def add_challenge(self, payment: str, return_url: str) -> None:
        """Store the address to which the customer returns from the bank's page."""
        self.store.execute("INSERT INTO challenge VALUES (?, ?)", payment, return_url)

    def return_url(self, payment: str) -> str | None:
        rows = self.store.execute("SELECT return_url FROM challenge WHERE payment = ?", payment)
        return str(rows[0]["return_url"]) if rows else None

    def store_notice(self, body: str, signature: str) -> None:
        """Store a webhook as it is sent, so that a test can send it again."""
        self.store.execute("INSERT INTO notice (body, signature) VALUES (?, ?)", body, signature)

    def notices(self) -> list[dict[str, Any]]:
        rows = self.store.execute("SELECT body, signature FROM notice ORDER BY number")
        return [_shown(row) for row in rows]

    def empty(self) -> None:
        with self.transaction():
            for table in TABLES:
                self.store.execute(f"DELETE FROM {table}")  # noqa: S608 -- the names stand above

    def shown(self) -> dict[str, Any]:
        with self.transaction():
            payments = self.store.execute(f"{PAYMENTS} ORDER BY number", time.time())
            pages = self.store.execute("SELECT id, status, reason FROM page ORDER BY rowid")
            disputes = self.store.execute("SELECT * FROM dispute ORDER BY rowid")
            tokens = self.store.execute("SELECT count(*) AS number FROM token")
            entries = self.store.execute("SELECT * FROM entry ORDER BY rowid")
        return {
            "payments": [_shown(row) for row in payments],
            "pages": [_shown(row) for row in pages],
            "disputes": [_shown(row) for row in disputes],
            "tokens": tokens[0]["number"],
            "entries": [_shown(row) for row in entries],
        }


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return dict(row)
