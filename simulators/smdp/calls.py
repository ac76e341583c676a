"""The calls that the SM-DP+ received and the notifications that it sent, with their answers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulators.http import Answer
from simulators.store import Store

# The newer columns are in a second table. Files of an older
# simulator therefore still work.
SCHEMA = """
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    iccid TEXT NOT NULL,
    call_identifier TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS exchange (
    call INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    request TEXT NOT NULL,
    answer_status INTEGER,
    answer_body TEXT
);
"""


@dataclass(frozen=True)
class Call:
    """One call: the message, its sender and its result.

    `request` is the body as it was received or sent. `client` is the common name in the caller's
    certificate.
    """

    function: str
    iccid: str
    call_identifier: str
    request: bytes
    client: str = ""
    status: str = ""
    code: str = ""


class Calls:
    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, call: Call, answer: Answer | None) -> int:
        """Store a call with its answer, None if there is none, and return its number."""
        rows = self._store.execute(
            "INSERT INTO call (function, iccid, call_identifier, status, code, at)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            call.function,
            call.iccid[:32],
            call.call_identifier[:128],
            call.status,
            call.code,
            format_time(datetime.now(UTC)),
        )
        number = int(rows[0]["id"])
        self._store.execute(
            "INSERT INTO exchange VALUES (?, ?, ?, ?, ?)",
            number,
            call.client,
            call.request.decode(errors="replace"),
            *_columns(answer),
        )
        return number

    def replace_answer(self, number: int, answer: Answer | None) -> None:
        """Store the answer that was really sent after a fault changed it."""
        self._store.execute(
            "UPDATE exchange SET answer_status = ?, answer_body = ? WHERE call = ?",
            *_columns(answer),
            number,
        )

    def empty(self) -> None:
        self._store.execute("DELETE FROM call")
        self._store.execute("DELETE FROM exchange")

    def shown(self) -> list[dict[str, Any]]:
        rows = self._store.execute(
            "SELECT function, iccid, call_identifier AS callId, status, code, at, client, request,"
            " answer_status, answer_body FROM call LEFT JOIN exchange ON call = id ORDER BY id"
        )
        return [_with_answer(dict(row)) for row in rows]


def format_time(at: datetime) -> str:
    """Return a time in the format of ES2+: whole seconds, UTC as Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _columns(answer: Answer | None) -> tuple[int | None, str | None]:
    if answer is None:
        return None, None
    return answer.status, answer.body.decode(errors="replace")


def _with_answer(row: dict[str, Any]) -> dict[str, Any]:
    status, body = row.pop("answer_status"), row.pop("answer_body")
    row["answer"] = None if status is None else {"status": status, "body": body}
    return row
