"""The SM-DP+'s books: profiles and their orders, stock, and the attempts of devices."""

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from simulators.smdp import calls
from simulators.smdp.calls import Calls
from simulators.smdp.states import NEXT_STATES, IllegalTransition, ProfileState
from simulators.store import Store

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS profile (
    iccid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    profile_type TEXT NOT NULL DEFAULT '',
    eid TEXT NOT NULL DEFAULT '',
    matching_id TEXT,
    confirmation_code_hash TEXT NOT NULL DEFAULT ''
);
-- An empty matching id is the default SM-DP+ use case: the device finds its profile by EID.
CREATE UNIQUE INDEX IF NOT EXISTS profile_matching_id
    ON profile (matching_id) WHERE matching_id <> '';
CREATE INDEX IF NOT EXISTS profile_stock ON profile (profile_type, state);
CREATE TABLE IF NOT EXISTS declared_type (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS attempts (
    iccid TEXT PRIMARY KEY,
    wrong_codes INTEGER NOT NULL DEFAULT 0,
    downloads INTEGER NOT NULL DEFAULT 0
);
{calls.SCHEMA}
"""


@dataclass(frozen=True)
class Profile:
    """One profile. The ICCID has no padding. The matching id is None until one is bound."""

    iccid: str
    state: ProfileState = ProfileState.AVAILABLE
    profile_type: str = ""
    eid: str = ""
    matching_id: str | None = None
    confirmation_code_hash: str = ""


@dataclass(frozen=True)
class Attempts:
    """The attempts of devices on a profile since it was ordered."""

    wrong_codes: int = 0
    downloads: int = 0


class Binding(TypedDict, total=False):
    """The fields that an order binds to a profile and a cancellation frees."""

    profile_type: str
    eid: str
    matching_id: str | None
    confirmation_code_hash: str


class Books:
    """The database of the simulator. Callers change it inside `transaction()` only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls = Calls(store)

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def find(self, iccid: str) -> Profile | None:
        return _first(self._store.execute("SELECT * FROM profile WHERE iccid = ?", iccid))

    def bound_to(self, matching_id: str) -> Profile | None:
        rows = self._store.execute("SELECT * FROM profile WHERE matching_id = ?", matching_id)
        return _first(rows)

    def waiting_for(self, eid: str) -> Profile | None:
        """Return a profile for this EID that is bound to the empty matching id."""
        statement = "SELECT * FROM profile WHERE matching_id = '' AND eid = ? ORDER BY state DESC"
        return _first(self._store.execute(statement, eid))

    def available(self, profile_type: str) -> Profile | None:
        """Return the profile of this type that has been in stock the longest."""
        statement = (
            "SELECT * FROM profile WHERE profile_type = ? AND state = ? ORDER BY rowid LIMIT 1"
        )
        return _first(self._store.execute(statement, profile_type, ProfileState.AVAILABLE))

    def add(self, profile: Profile) -> Profile:
        self._store.execute(
            "INSERT INTO profile (iccid, state, profile_type) VALUES (?, ?, ?)",
            profile.iccid,
            profile.state,
            profile.profile_type,
        )
        return profile

    def move(self, profile: Profile, new: ProfileState, **bound: Unpack[Binding]) -> Profile:
        """Set the state and the fields that are bound or freed with it.

        No other function sets a state. Raises `IllegalTransition`.
        """
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

    def types(self) -> list[str]:
        """Return the profile types whose stock was declared."""
        rows = self._store.execute("SELECT name FROM declared_type ORDER BY rowid")
        return [row["name"] for row in rows]

    def add_type(self, profile_type: str) -> None:
        self._store.execute("INSERT OR IGNORE INTO declared_type VALUES (?)", profile_type)

    def stock(self) -> list[dict[str, Any]]:
        """Return each declared type with the number of its profiles and of the available ones."""
        rows = self._store.execute(
            "SELECT name AS profileType, count(iccid) AS profiles,"
            " count(CASE WHEN state = 'Available' THEN 1 END) AS available"
            " FROM declared_type LEFT JOIN profile ON profile_type = name"
            " GROUP BY name ORDER BY declared_type.rowid"
        )
        return [dict(row) for row in rows]

    def attempts(self, profile: Profile) -> Attempts:
        statement = "SELECT wrong_codes, downloads FROM attempts WHERE iccid = ?"
        rows = self._store.execute(statement, profile.iccid)
        return Attempts(**dict(rows[0])) if rows else Attempts()

    def set_attempts(self, profile: Profile, attempts: Attempts) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO attempts (iccid, wrong_codes, downloads) VALUES (?, ?, ?)",
            profile.iccid,
            attempts.wrong_codes,
            attempts.downloads,
        )

    def empty(self) -> None:
        with self.transaction():
            for table in ("profile", "declared_type", "attempts"):
                self._store.execute(f"DELETE FROM {table}")  # noqa: S608 -- the names stand above
            self.calls.empty()

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        with self.transaction():
            profiles = self._store.execute(
                "SELECT iccid, state, eid, matching_id AS matchingId, profile_type AS profileType"
                " FROM profile ORDER BY rowid"
            )
            calls = self.calls.shown()
        return {
            "profiles": [dict(row) | {"matchingId": row["matchingId"] or ""} for row in profiles],
            "calls": calls,
        }


def _first(rows: list[sqlite3.Row]) -> Profile | None:
    if not rows:
        return None
    return Profile(**{**dict(rows[0]), "state": ProfileState(rows[0]["state"])})
