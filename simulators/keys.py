"""Idempotency keys: the same request with the same key gets the stored answer.

Only a successful answer is stored under its key. A refusal, such as a mistyped number or an unknown
payment, changes nothing. A corrected request may use the same key.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    asked TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
"""
KEY_LIMIT = 255
Reply = tuple[int, dict[str, Any]]


class Refused(Exception):
    """A request that changes nothing. `state` is the state that does not allow it, if any."""

    def __init__(self, status: HTTPStatus, error: str, *, state: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "status": str(state)} if state else {"error": error}


def answer_once(store: Store, key: str, asked: str, work: Callable[[], Reply]) -> Reply:
    """Do the work, or return the stored answer if it was already done with this key.

    `asked` is the digest of the request. Raises `Refused` with 409 `key_reused` if the key was
    used for another request.
    """
    if not 0 < len(key) <= KEY_LIMIT:
        raise Refused(HTTPStatus.BAD_REQUEST, "key_required")
    with store.transaction():
        stored = store.execute("SELECT asked, status, body FROM answer WHERE key = ?", key)
        if stored and stored[0]["asked"] != asked:
            raise Refused(HTTPStatus.CONFLICT, "key_reused")
        if stored:
            return stored[0]["status"], json.loads(stored[0]["body"])
        status, body = work()
        store.execute(
            "INSERT INTO answer VALUES (?, ?, ?, ?)", key, asked, status, json.dumps(body)
        )
    return status, body


def forget_keys(store: Store) -> None:
    """Forget every idempotency key: the same request with the same key is done again."""
    store.execute("DELETE FROM answer")
