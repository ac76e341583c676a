"""The network's books: the service under each reference, data usage, and every call received."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS service (
    reference TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
    sequence INTEGER NOT NULL DEFAULT 0,
    plan TEXT NOT NULL DEFAULT '',
    iccid TEXT NOT NULL DEFAULT '',
    imsi TEXT NOT NULL DEFAULT '',
    msisdn TEXT NOT NULL DEFAULT '',
    -- The period that was last renewed, until when it is served, and whether it is switched off.
    -- Each has the number of the call that wrote it.
    period INTEGER NOT NULL DEFAULT 0,
    until TEXT NOT NULL DEFAULT '',
    renewed INTEGER NOT NULL DEFAULT 0,
    suspended INTEGER NOT NULL DEFAULT 0,
    switched INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY,
    operation TEXT NOT NULL,
    reference TEXT NOT NULL,
    iccid TEXT NOT NULL,
    answer TEXT NOT NULL,
    at TEXT NOT NULL
);
-- A way's number grows. `closed` is the highest number that was closed.
CREATE TABLE IF NOT EXISTS way_out (
    iccid TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0,
    ends REAL NOT NULL DEFAULT 0,
    bytesLeft INTEGER NOT NULL DEFAULT 0
);
-- AUTOINCREMENT never reuses a number, so a cursor stays valid after the books were emptied.
CREATE TABLE IF NOT EXISTS usage (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    iccid TEXT NOT NULL,
    usedAt TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    country TEXT NOT NULL
);
"""
RECORD = ("id", "iccid", "usedAt", "bytes", "country")


class Books:
    """The database of the simulator. Callers change it inside `transaction()` only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def find(self, reference: str) -> dict[str, Any] | None:
        rows = self._store.execute("SELECT * FROM service WHERE reference = ?", reference)
        return dict(rows[0]) if rows else None

    def activate(self, reference: str, service: dict[str, Any]) -> None:
        self._store.execute(
            "INSERT INTO service (reference, state, sequence, plan, iccid, imsi, msisdn)"
            " VALUES (?, 'active', ?, ?, ?, ?, ?) ON CONFLICT (reference) DO UPDATE SET"
            " state = 'active', sequence = excluded.sequence, plan = excluded.plan,"
            " iccid = excluded.iccid, imsi = excluded.imsi, msisdn = excluded.msisdn",
            reference,
            *(service[name] for name in ("sequence", "plan", "iccid", "imsi", "msisdn")),
        )

    def renew(self, reference: str, sequence: int, period: int, until: str) -> None:
        self._store.execute(
            "UPDATE service SET renewed = ?, period = ?, until = ?"
            " WHERE reference = ? AND renewed <= ?",
            *(sequence, period, until, reference, sequence),
        )

    def switch(self, reference: str, sequence: int, *, suspended: bool) -> None:
        self._store.execute(
            "UPDATE service SET switched = ?, suspended = ? WHERE reference = ? AND switched <= ?",
            *(sequence, int(suspended), reference, sequence),
        )

    def end(self, reference: str) -> None:
        self._store.execute(
            "INSERT INTO service (reference, state) VALUES (?, 'ended')"
            " ON CONFLICT (reference) DO UPDATE SET state = 'ended'",
            reference,
        )

    def is_live(self, iccid: str) -> bool:
        found = "SELECT 1 FROM service WHERE state = 'active' AND suspended = 0 AND iccid = ?"
        return bool(self._store.execute(found, iccid))

    def find_way(self, iccid: str) -> dict[str, Any]:
        """Return the SIM's newest way out, even if it is over."""
        rows = self._store.execute("SELECT * FROM way_out WHERE iccid = ?", iccid)
        never = {"iccid": iccid, "sequence": 0, "closed": 0, "ends": 0.0, "bytesLeft": 0}
        return dict(rows[0]) if rows else never

    def store_way(self, way: dict[str, Any]) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO way_out (iccid, sequence, closed, ends, bytesLeft)"
            " VALUES (?, ?, ?, ?, ?)",
            *(way[name] for name in ("iccid", "sequence", "closed", "ends", "bytesLeft")),
        )

    def add_usage(self, record: dict[str, Any]) -> None:
        self._store.execute(
            "INSERT INTO usage (id, iccid, usedAt, bytes, country) VALUES (?, ?, ?, ?, ?)",
            *(record[name] for name in RECORD),
        )

    def usage_after(self, after: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Return at most `limit` records after a number, and the number of the last one."""
        rows = self._store.execute(
            "SELECT * FROM usage WHERE number > ? ORDER BY number LIMIT ?", after, limit
        )
        records = [{name: row[name] for name in RECORD} for row in rows]
        return records, rows[-1]["number"] if rows else after

    def record_call(self, operation: str, reference: str, iccid: str, answer: str) -> None:
        self._store.execute(
            "INSERT INTO call (operation, reference, iccid, answer, at) VALUES (?, ?, ?, ?, ?)",
            *(operation, reference, iccid, answer, datetime.now(UTC).isoformat()),
        )

    def empty(self) -> None:
        with self.transaction():
            self._store.execute("DELETE FROM service")
            self._store.execute("DELETE FROM way_out")
            self._store.execute("DELETE FROM call")
            self._store.execute("DELETE FROM usage")

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        with self.transaction():
            services = self._store.execute("SELECT * FROM service ORDER BY rowid")
            calls = self._store.execute("SELECT * FROM call ORDER BY id")
        return {"services": [dict(row) for row in services], "calls": [dict(row) for row in calls]}
