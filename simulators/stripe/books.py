"""The stand-in's books: Stripe's objects as JSON, the answers for each key, and sent webhooks."""

import json
import secrets
import time
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any

from simulators import keys
from simulators.http import HttpRefusal
from simulators.store import Store

SCHEMA = f"""{keys.SCHEMA}
CREATE TABLE IF NOT EXISTS object (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS notice (
    number INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    signature TEXT NOT NULL
);
"""
Object = dict[str, Any]


class Books:
    """The database of the stand-in. Callers change it inside `transaction()` only.

    Fields whose name begins with an underscore are the stand-in's own. No answer shows them.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def transaction(self) -> AbstractContextManager[None]:
        return self.store.transaction()

    def add(self, kind: str, prefix: str, fields: Object) -> Object:
        """Store a new object of this kind, and return it."""
        body = {
            "id": f"{prefix}_{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "livemode": False,
            "metadata": {},
            **fields,
        }
        self.store.execute(
            "INSERT INTO object VALUES (?, ?, ?)", body["id"], kind, json.dumps(body)
        )
        return body

    def save(self, body: Object) -> None:
        self.store.execute("UPDATE object SET body = ? WHERE id = ?", json.dumps(body), body["id"])

    def get(self, identifier: str) -> Object | None:
        rows = self.store.execute("SELECT body FROM object WHERE id = ?", identifier)
        return dict(json.loads(rows[0]["body"])) if rows else None

    def require(self, identifier: str, kind: str) -> Object:
        """Return the object of this kind; raises `HttpRefusal` with 404 if there is none."""
        found = self.get(identifier)
        if found is None or found["object"] != kind:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        return found

    def all(self, kind: str) -> list[Object]:
        rows = self.store.execute("SELECT body FROM object WHERE kind = ? ORDER BY rowid", kind)
        return [json.loads(row["body"]) for row in rows]

    def store_notice(self, body: str, signature: str) -> None:
        """Store a webhook as it is sent, so that a test can send it again."""
        self.store.execute("INSERT INTO notice (body, signature) VALUES (?, ?)", body, signature)

    def notices(self) -> list[Object]:
        rows = self.store.execute("SELECT body, signature FROM notice ORDER BY number")
        return [dict(row) for row in rows]

    def empty(self) -> None:
        with self.transaction():
            for table in ("object", "notice", "answer"):
                self.store.execute(f"DELETE FROM {table}")  # noqa: S608 -- the names stand above
