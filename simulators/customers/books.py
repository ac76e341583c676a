"""The customer system's books: lines, the answers to requests that change one, and all calls."""

import json
from contextlib import AbstractContextManager
from typing import Any

from simulators.customers.lines import documents
from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS line (
    reference TEXT PRIMARY KEY, number TEXT NOT NULL, bill_code TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, status INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY, operation TEXT NOT NULL, key TEXT NOT NULL, line TEXT NOT NULL,
    status INTEGER NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


class Books:
    def __init__(self, store: Store) -> None:
        self._store = store
        if not self._store.execute("SELECT 1 FROM line"):
            self._fill()

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def find(self, *, reference: str = "", number: str = "", bill_code: str = "") -> str:
        """Return the reference of the line with this name, number or bill code, or nothing."""
        rows = self._store.execute(
            "SELECT reference FROM line WHERE reference = ? OR number = ?"
            " OR (? = '' AND bill_code = ? AND bill_code <> '')",
            *(reference, number, reference + number, bill_code),
        )
        return rows[0]["reference"] if rows else ""

    def line(self, reference: str) -> dict[str, Any]:
        rows = self._store.execute("SELECT document FROM line WHERE reference = ?", reference)
        return dict(json.loads(rows[0]["document"]))

    def has_sim(self, iccid: str) -> bool:
        rows = self._store.execute("SELECT document FROM line")
        return any(iccid in json.loads(row["document"])["sims"] for row in rows)

    def put(self, reference: str, document: dict[str, Any]) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO line (reference, number, bill_code, document)"
            " VALUES (?, ?, ?, ?)",
            *(reference, document["number"], document["billCode"], json.dumps(document)),
        )

    def remove(self, reference: str) -> None:
        self._store.execute("DELETE FROM line WHERE reference = ?", reference)

    def answer_to(self, key: str) -> tuple[int, dict[str, Any]] | None:
        rows = self._store.execute("SELECT status, document FROM answer WHERE key = ?", key)
        return (rows[0]["status"], json.loads(rows[0]["document"])) if rows else None

    def keep_answer(self, key: str, status: int, document: dict[str, Any]) -> None:
        self._store.execute(
            "INSERT INTO answer (key, status, document) VALUES (?, ?, ?)",
            *(key, status, json.dumps(document)),
        )

    def record_call(self, operation: str, key: str, line: str, status: int) -> None:
        self._store.execute(
            "INSERT INTO call (operation, key, line, status) VALUES (?, ?, ?, ?)",
            *(operation, key, line, status),
        )

    def reset(self) -> None:
        """Empty the books and begin with the lines of `simulators.customers.lines` again."""
        with self.transaction():
            for table in ("line", "answer", "call"):
                self._store.execute(f"DELETE FROM {table}")  # noqa: S608 -- names from above
            self._fill()

    def _fill(self) -> None:
        for reference, document in documents().items():
            self.put(reference, document)

    def shown(self) -> dict[str, Any]:
        with self.transaction():
            lines = self._store.execute("SELECT reference, document FROM line ORDER BY rowid")
            calls = self._store.execute("SELECT * FROM call ORDER BY number")
        return {
            "lines": {row["reference"]: json.loads(row["document"]) for row in lines},
            "calls": [dict(row) for row in calls],
        }
