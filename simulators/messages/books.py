"""What the gateway has delivered. One message has one identifier, however often it is sent."""

from contextlib import AbstractContextManager
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, recipient TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
    language TEXT NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
TEXTS = ("id", "to", "subject", "text", "language")


class Books:
    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def deliver(self, message: dict[str, str]) -> None:
        """Record the call, and deliver the message unless it was delivered already."""
        self._store.execute("INSERT INTO call (id) VALUES (?)", message["id"])
        self._store.execute(
            "INSERT OR IGNORE INTO message (id, recipient, subject, text, language)"
            " VALUES (?, ?, ?, ?, ?)",
            *(message[name] for name in TEXTS),
        )

    def empty(self) -> None:
        with self.transaction():
            self._store.execute("DELETE FROM message")
            self._store.execute("DELETE FROM call")

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """Return the delivered messages, newest first, and the calls."""
        with self.transaction():
            messages = self._store.execute("SELECT * FROM message ORDER BY rowid DESC")
            calls = self._store.execute("SELECT * FROM call ORDER BY number")
        return {"messages": [dict(row) for row in messages], "calls": [dict(row) for row in calls]}
