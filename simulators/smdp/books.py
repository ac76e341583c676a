"""The SM-DP+'s books: profiles with what is bound to them, and every call it received."""

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from simulators.smdp.states import NEXT_STATES, IllegalTransition, ProfileState
from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS profile (
    iccid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    profile_type TEXT NOT NULL DEFAULT '',
    eid TEXT NOT NULL DEFAULT '',
    matching_id TEXT,
    confirmation_code_hash TEXT NOT NULL DEFAULT ''
);
-- The empty matching id is the default SM-DP+ use case, where the EID finds the profile.
CREATE UNIQUE INDEX IF NOT EXISTS profile_matching_id
    ON profile (matching_id) WHERE matching_id <> '';
CREATE TABLE IF NOT EXISTS call (
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    iccid TEXT NOT NULL,
    call_identifier TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    at TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Profile:
    """One profile; its ICCID stands without padding. A matching id of None is not bound yet."""

    iccid: str
    state: ProfileState = ProfileState.AVAILABLE
    profile_type: str = ""
    eid: str = ""
    matching_id: str | None = None
    confirmation_code_hash: str = ""


class Binding(TypedDict, total=False):
    """What an order binds to a profile and a withdrawal frees."""

    profile_type: str
    eid: str
    matching_id: str | None
    confirmation_code_hash: str


class Books:
    """What changes here is changed inside `transaction()`: done whole or not at all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def find(self, iccid: str) -> Profile | None:
        return _first(self._store.execute("SELECT * FROM profile WHERE iccid = ?", iccid))

    def bound_to(self, matching_id: str) -> Profile | None:
        rows = self._store.execute("SELECT * FROM profile WHERE matching_id = ?", matching_id)
        return _first(rows)

    def waiting_for(self, eid: str) -> Profile | None:
        """Return a profile bound with the empty matching id: its EID finds it."""
        statement = "SELECT * FROM profile WHERE matching_id = '' AND eid = ? ORDER BY state DESC"
        return _first(self._store.execute(statement, eid))

    def add(self, profile: Profile) -> Profile:
        self._store.execute(
            "INSERT INTO profile (iccid, state, profile_type) VALUES (?, ?, ?)",
            profile.iccid,
            profile.state,
            profile.profile_type,
        )
        return profile

    def move(self, profile: Profile, new: ProfileState, **bound: Unpack[Binding]) -> Profile:
        """Set the state, the one door to it, and whatever is bound or freed with it."""
        if new not in NEXT_STATES[profile.state]:
            raise IllegalTransition(profile.state, new)
        moved = replace(profile, state=new, **bound)
        self._store.execute(
            "UPDATE profile SET state = ?, profile_type = ?, eid = ?, matching_id = ?,"
            " confirmation_code_hash = ? WHERE iccid = ?",
            moved.state,
            moved.profile_type,
            moved.eid,
            moved.matching_id,
            moved.confirmation_code_hash,
            moved.iccid,
        )
        return moved

    def write_down(
        self, function: str, *, iccid: str, call_identifier: str, status: str, code: str = ""
    ) -> None:
        """Keep a call: what came, and the answer's status and subject/reason code."""
        self._store.execute(
            "INSERT INTO call (function, iccid, call_identifier, status, code, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            function,
            iccid[:32],
            call_identifier[:128],
            status,
            code,
            timestamp(),
        )

    def empty(self) -> None:
        with self.transaction():
            self._store.execute("DELETE FROM profile")
            self._store.execute("DELETE FROM call")

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        with self.transaction():
            profiles = self._store.execute(
                "SELECT iccid, state, eid, matching_id AS matchingId, profile_type AS profileType"
                " FROM profile ORDER BY rowid"
            )
            calls = self._store.execute(
                "SELECT function, iccid, call_identifier AS callId, status, code, at"
                " FROM call ORDER BY id"
            )
        return {
            "profiles": [dict(row) | {"matchingId": row["matchingId"] or ""} for row in profiles],
            "calls": [dict(row) for row in calls],
        }


def timestamp() -> str:
    """Return the time as ES2+ writes it: whole seconds, UTC as Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _first(rows: list[sqlite3.Row]) -> Profile | None:
    if not rows:
        return None
    return Profile(**{**dict(rows[0]), "state": ProfileState(rows[0]["state"])})
