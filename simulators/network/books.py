"""The network's books: the service under each reference, data usage, and every call received."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS service (
    reference TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
    plan TEXT NOT NULL DEFAULT '',
    -- The period that was last renewed, until when it is served, and whether it is switched off.
    -- Each has the number of the call that wrote it.
    period INTEGER NOT NULL DEFAULT 0,
    until TEXT NOT NULL DEFAULT '',
    renewed INTEGER NOT NULL DEFAULT 0,
    suspended INTEGER NOT NULL DEFAULT 0,
    switched INTEGER NOT NULL DEFAULT 0
);
-- The SIMs of each service. `sequence` is the number of the call that wrote the row.
CREATE TABLE IF NOT EXISTS sim (
    reference TEXT NOT NULL,
    iccid TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    active INTEGER NOT NULL,
    imsi TEXT NOT NULL DEFAULT '',
    msisdn TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (reference, iccid)
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
        """Return the service, with the ICCIDs of the SIMs on which it is active."""
        rows = self._store.execute("SELECT * FROM service WHERE reference = ?", reference)
        return {**rows[0], "iccids": self._live_iccids(reference)} if rows else None

    def _live_iccids(self, reference: str) -> list[str]:
        rows = self._store.execute(
            "SELECT iccid FROM sim JOIN service USING (reference) WHERE reference = ?"
            " AND active = 1 AND state = 'active' ORDER BY sim.rowid",
            reference,
        )
        return [row["iccid"] for row in rows]

    def activate(self, reference: str, plan: str, sequence: int) -> None:
        """Store the plan, unless a renewal that came later has named a newer one."""
        self._store.execute(
            "INSERT INTO service (reference, state, plan) VALUES (?, 'active', ?)"
            " ON CONFLICT (reference) DO UPDATE SET plan = excluded.plan WHERE renewed < ?",
            *(reference, plan, sequence),
        )

    def find_sim(self, reference: str, iccid: str) -> dict[str, Any] | None:
        rows = self._store.execute(
            "SELECT * FROM sim WHERE reference = ? AND iccid = ?", reference, iccid
        )
        return dict(rows[0]) if rows else None

    def store_sim(self, sim: dict[str, Any]) -> None:
        """Store that a plan is active on a SIM, or is not, unless a later call has said so."""
        self._store.execute(
            "INSERT INTO sim (reference, iccid, sequence, active, imsi, msisdn)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (reference, iccid) DO UPDATE SET"
            " sequence = excluded.sequence, active = excluded.active, imsi = excluded.imsi,"
            " msisdn = excluded.msisdn WHERE sequence <= excluded.sequence",
            *(sim[name] for name in ("reference", "iccid", "sequence", "active")),
            *(sim.get(name, "") for name in ("imsi", "msisdn")),
        )

    def renew(self, reference: str, sequence: int, period: int, until: str, plan: str) -> None:
        self._store.execute(
            "UPDATE service SET renewed = ?, period = ?, until = ?, plan = ?"
            " WHERE reference = ? AND renewed <= ?",
            *(sequence, period, until, plan, reference, sequence),
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
        found = (
            "SELECT 1 FROM sim JOIN service USING (reference)"
            " WHERE state = 'active' AND suspended = 0 AND active = 1 AND iccid = ?"
        )
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
            self._store.execute("DELETE FROM sim")
            self._store.execute("DELETE FROM way_out")
            self._store.execute("DELETE FROM call")
            self._store.execute("DELETE FROM usage")

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        with self.transaction():
            rows = self._store.execute("SELECT reference FROM service ORDER BY rowid")
            services = [self.find(row["reference"]) or {} for row in rows]
            calls = self._store.execute("SELECT * FROM call ORDER BY id")
        return {"services": services, "calls": [dict(row) for row in calls]}
