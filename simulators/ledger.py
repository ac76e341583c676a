"""What a simulator books: one entry for each movement of money, and a payout for each day.

Days are days in UTC. What a day has booked is paid out on the next day, less the fees. That day's
list has the payout and, with its id, each entry that it pays.
"""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    fee INTEGER NOT NULL,
    payment TEXT NOT NULL,
    cause TEXT NOT NULL,
    reference TEXT NOT NULL,
    booked_at REAL NOT NULL
);
"""
PAGE = 100
DAY = timedelta(days=1)
COLUMNS = ("kind", "amount", "currency", "fee", "payment", "cause", "reference", "booked_at")
# What an entry has if nothing is said.
USUAL: dict[str, Any] = {"fee": 0, "payment": "", "cause": "", "reference": ""}


def book(
    store: Store, kind: str, payment: dict[str, Any], *, due: int, cause: str = "", fee: int = 0
) -> None:
    """Add an entry, unless the entries of this kind and cause already have the sum `due`.

    Amounts are in minor units, and negative where money leaves the merchant. `cause` is the refund
    or the dispute. The payment has its id, currency and reference.
    """
    rows = store.execute(
        "SELECT coalesce(sum(amount), 0) AS booked FROM entry"
        " WHERE kind = ? AND payment = ? AND cause = ?",
        *(kind, payment["id"], cause),
    )
    amount = due - rows[0]["booked"]
    if amount:
        known = {name: payment[name] for name in ("currency", "reference")}
        entry = {"kind": kind, "amount": amount, "fee": fee, "payment": payment["id"]}
        plant(store, {**known, **entry, "cause": cause})


def plant(store: Store, entry: dict[str, Any]) -> str:
    """Store an entry, or replace the one with its id. Return the id."""
    known = {"booked_at": time.time(), **USUAL, **entry}
    identifier = str(entry.get("id") or f"ent_{secrets.token_hex(12)}")
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    store.execute(
        f"INSERT OR REPLACE INTO entry VALUES ({marks})",  # noqa: S608 -- only question marks
        *(identifier, *(known[name] for name in COLUMNS)),
    )
    return identifier


def remove(store: Store, identifier: str) -> None:
    store.execute("DELETE FROM entry WHERE id = ?", identifier)


def make_older(store: Store, days: float) -> None:
    """Move all bookings back by this many days."""
    store.execute("UPDATE entry SET booked_at = booked_at - ?", days * 24 * 3600)


def routes(
    store: Store, faults: Faults, *, check: Callable[[Request], None] = lambda _request: None
) -> list[Route]:
    """Return the route of the protocol, and those by which tests change what was booked.

    `check` refuses a request to the protocol that may not be answered.
    """

    def fetch(request: Request) -> Answer:
        check(request)
        return run_with_faults(
            faults, "entries", work=lambda: json_answer(page_of_day(store, request.query))
        )

    def add(request: Request) -> Answer:
        return json_answer({"id": plant(store, request.json())}, HTTPStatus.CREATED)

    def delete(_request: Request, identifier: str) -> Answer:
        remove(store, identifier)
        return json_answer({"status": "removed"})

    def age(request: Request) -> Answer:
        make_older(store, float(request.json()["days"]))
        return json_answer({"status": "older"})

    return [
        route("GET", "/entries", fetch),
        route("POST", "/entries", add),
        route("POST", "/entries/older", age),
        route("DELETE", "/entries/([^/]+)", delete),
    ]


def page_of_day(store: Store, query: dict[str, str]) -> dict[str, Any]:
    """Return a page of the entries of `day`, after the entry `after`."""
    try:
        day = date.fromisoformat(query.get("day", ""))
    except ValueError as error:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_day") from error
    found = sorted(_entries_of(store, day), key=lambda entry: str(entry["id"]))
    rest = [entry for entry in found if str(entry["id"]) > query.get("after", "")]
    shown = rest[:PAGE]
    return {"entries": shown, "after": shown[-1]["id"] if len(rest) > PAGE else ""}


def _entries_of(store: Store, day: date) -> list[dict[str, Any]]:
    """Return what the day has booked, its payouts, and the entries that these pay."""
    own = _booked_on(store, day)
    paid = [entry for entry in _booked_on(store, day - DAY) if entry["kind"] != "payout"]
    payouts = {entry["id"]: entry for entry in own if entry["kind"] == "payout"}
    for currency in sorted({entry["currency"] for entry in paid}):
        members = [entry for entry in paid if entry["currency"] == currency]
        identifier = f"po_{day - DAY:%Y%m%d}_{currency.lower()}"
        for entry in members:
            entry["payout"] = identifier
        # A payout that a test has planted takes the place of the right one.
        payouts.setdefault(identifier, _payout(identifier, day, currency, members))
    others = [entry for entry in own if entry["kind"] != "payout"]
    for payout in payouts.values():
        payout["payout"] = payout["id"]
    return [*others, *paid, *payouts.values()]


def _payout(
    identifier: str, day: date, currency: str, members: list[dict[str, Any]]
) -> dict[str, Any]:
    net = sum(entry["amount"] - entry["fee"] for entry in members)
    empty = {"fee": 0, "payment": "", "cause": "", "reference": ""}
    known = {"id": identifier, "kind": "payout", "amount": -net, "currency": currency}
    return {**known, **empty, "booked_on": day.isoformat()}


def _booked_on(store: Store, day: date) -> list[dict[str, Any]]:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = store.execute(
        "SELECT * FROM entry WHERE booked_at >= ? AND booked_at < ?",
        *(begins.timestamp(), (begins + DAY).timestamp()),
    )
    entries = [dict(row) for row in rows]
    for entry in entries:
        booked = datetime.fromtimestamp(entry.pop("booked_at"), tz=UTC)
        entry |= {"booked_on": booked.date().isoformat(), "payout": ""}
    return entries
