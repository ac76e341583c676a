"""What the network knows about phone numbers, and the one-time codes that it has sent."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS number (
    phoneNumber TEXT PRIMARY KEY, simChangedAt TEXT NOT NULL, subscriberChangedAt TEXT NOT NULL,
    sms TEXT NOT NULL CHECK (sms IN ('allowed', 'not_allowed', 'blocked')),
    isOurs INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS password (
    authenticationId TEXT PRIMARY KEY, phoneNumber TEXT NOT NULL, code TEXT NOT NULL,
    sentAt TEXT NOT NULL, wrong INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'used', 'failed', 'replaced'))
);
CREATE TABLE IF NOT EXISTS lookup (
    number INTEGER PRIMARY KEY, function TEXT NOT NULL, subject TEXT NOT NULL, answer TEXT NOT NULL
);
"""
CODE_LENGTH = 6
SWAPPED_YESTERDAY, RECYCLED_YESTERDAY = "0191", "0192"
BLOCKED, NOT_ALLOWED, FOREIGN = "0193", "0194", "0195"
ENDINGS = {
    SWAPPED_YESTERDAY: "it has a new SIM since yesterday",
    RECYCLED_YESTERDAY: "it has a new subscriber since yesterday",
    BLOCKED: "its holder has blocked SMS",
    NOT_ALLOWED: "it cannot receive codes",
    FOREIGN: "it belongs to another operator",
}


@dataclass(frozen=True)
class Number:
    """A phone number. `sms` is allowed, not_allowed or blocked. A time is ISO 8601 or empty."""

    phone_number: str
    sim_changed_at: str = ""
    subscriber_changed_at: str = ""
    sms: str = "allowed"
    is_ours: bool = True


def preset(phone_number: str) -> Number:
    """Return what is true of a number that nothing was stored about."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    ending = phone_number[-4:]
    return Number(
        phone_number,
        sim_changed_at=yesterday if ending == SWAPPED_YESTERDAY else "",
        subscriber_changed_at=yesterday if ending == RECYCLED_YESTERDAY else "",
        sms={BLOCKED: "blocked", NOT_ALLOWED: "not_allowed"}.get(ending, "allowed"),
        is_ours=ending != FOREIGN,
    )


def describe_endings() -> str:
    """Return one line for each ending, for the help of the command line."""
    return "\n".join(f"  {ending}  {text}" for ending, text in ENDINGS.items())


class Numbers:
    """The tables of numbers and codes. Callers change them inside a transaction only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, phone_number: str) -> Number:
        rows = self._store.execute("SELECT * FROM number WHERE phoneNumber = ?", phone_number)
        if not rows:
            return preset(phone_number)
        row = rows[0]
        return Number(
            phone_number,
            sim_changed_at=row["simChangedAt"],
            subscriber_changed_at=row["subscriberChangedAt"],
            sms=row["sms"],
            is_ours=bool(row["isOurs"]),
        )

    def store(self, number: Number) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO number"
            " (phoneNumber, simChangedAt, subscriberChangedAt, sms, isOurs) VALUES (?, ?, ?, ?, ?)",
            *(number.phone_number, number.sim_changed_at, number.subscriber_changed_at),
            *(number.sms, number.is_ours),
        )

    def count_codes(self, phone_number: str, since: datetime) -> int:
        """Return how many codes the number was sent since this time."""
        counted = "SELECT COUNT(*) FROM password WHERE phoneNumber = ? AND sentAt >= ?"
        return int(self._store.execute(counted, phone_number, since.isoformat())[0][0])

    def new_code(self, phone_number: str) -> tuple[str, str]:
        """Store a new code in place of the number's open ones; return its identifier and itself."""
        self._store.execute(
            "UPDATE password SET state = 'replaced' WHERE phoneNumber = ? AND state = 'open'",
            phone_number,
        )
        identifier = str(uuid.uuid4())
        code = f"{secrets.randbelow(10**CODE_LENGTH):0{CODE_LENGTH}}"
        self._store.execute(
            "INSERT INTO password (authenticationId, phoneNumber, code, sentAt)"
            " VALUES (?, ?, ?, ?)",
            *(identifier, phone_number, code, datetime.now(UTC).isoformat()),
        )
        return identifier, code

    def find_code(self, identifier: str) -> dict[str, Any] | None:
        rows = self._store.execute("SELECT * FROM password WHERE authenticationId = ?", identifier)
        return dict(rows[0]) if rows else None

    def change_code(self, identifier: str, *, state: str, wrong: int) -> None:
        changed = "UPDATE password SET state = ?, wrong = ? WHERE authenticationId = ?"
        self._store.execute(changed, state, wrong, identifier)

    def record(self, function: str, subject: str, answer: str) -> None:
        recorded = "INSERT INTO lookup (function, subject, answer) VALUES (?, ?, ?)"
        self._store.execute(recorded, function, subject, answer)

    def empty(self) -> None:
        for table in ("number", "password", "lookup"):
            self._store.execute(f"DELETE FROM {table}")  # noqa: S608 -- one of the three above

    def lookups(self) -> list[dict[str, Any]]:
        rows = self._store.execute("SELECT * FROM lookup ORDER BY number")
        return [dict(row) for row in rows]
