"""A comparison of four books, row by row: portal, gateway, SM-DP+ and network."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, LiteralString

import httpx
import psycopg

from tests.stack import Stack

ENDED = ("completed", "failed", "cancelled")
ENDED_WITHIN = 120.0
RELEASED_WITHIN = 60.0
TAKEN = {"Allocated", "Linked", "Confirmed", "Released", "Downloaded", "Installed"}
ORDERS = """
SELECT o.number, o.state, coalesce(s.iccid, ''), m.state, coalesce(p.state, 'none')
FROM orders_order o JOIN payments_payment m ON m.id = o.payment_id
LEFT JOIN esim_profile p ON p.id = o.profile_id LEFT JOIN esim_sim s ON s.id = p.sim_id
"""
SOLD = """
SELECT s.iccid FROM orders_order o
JOIN esim_profile p ON p.id = o.profile_id JOIN esim_sim s ON s.id = p.sim_id
WHERE o.state = 'completed'
"""
GAPS = "SELECT year FROM payments_receipt GROUP BY year HAVING max(number) <> count(*)"
# The final states of the payment and of the profile, for completed orders and for all others.
DONE = ({"captured"}, {"released", "downloaded"})
RELEASED = ({"voided", "declined"}, {"cancelled", "unused", "none"})
OPEN = "SELECT count(*) FROM orders_order WHERE state <> ALL(%s)"


@dataclass(frozen=True)
class Row:
    """One order in the portal's database."""

    number: str
    state: str
    iccid: str
    payment: str
    profile: str


def rows(stack: Stack, numbers: list[str]) -> list[Row]:
    """Return the portal's orders, or nothing while its database is down."""
    try:
        with psycopg.connect(stack.copy.database_url) as connection:
            found = connection.execute(ORDERS + "WHERE o.number = ANY(%s)", [numbers]).fetchall()
            return [Row(*row) for row in found]
    except psycopg.OperationalError:
        return []


def in_flight(stack: Stack) -> int | None:
    """Count the orders that have not ended. Return None while the portal's database is down."""
    try:
        with psycopg.connect(stack.copy.database_url) as connection:
            row = connection.execute(OPEN, [list(ENDED)]).fetchone()
            return int(row[0]) if row else None
    except psycopg.OperationalError:
        return None


def have_ended(stack: Stack, numbers: list[str]) -> bool:
    """Say whether every order exists and has ended."""
    found = rows(stack, numbers)
    return len(found) == len(numbers) and all(row.state in ENDED for row in found)


def wait_for_ends(stack: Stack, numbers: list[str]) -> float:
    """Wait until every order has ended. Return the seconds waited, at most `ENDED_WITHIN`."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < ENDED_WITHIN:
        if have_ended(stack, numbers):
            return waited
        time.sleep(0.25)
    return ENDED_WITHIN


def find_losses(stack: Stack, numbers: list[str]) -> list[str]:
    """Return all differences between the books. Give pending releases another minute first."""
    deadline = time.monotonic() + RELEASED_WITHIN
    while wrong := _compare(stack, rows(stack, numbers), numbers):
        if time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)
    return []


def _compare(stack: Stack, orders: list[Row], numbers: list[str]) -> list[str]:
    wrong = [f"{number}: no such order" for number in set(numbers) - {row.number for row in orders}]
    paid = defaultdict(list)
    for payment in _get(f"{stack.payment_url}/books")["payments"]:
        paid[payment["reference"]].append(payment["status"])
    taken = {
        profile["iccid"]
        for profile in _get(f"{stack.smdp_url}/books")["profiles"]
        if profile["state"] in TAKEN
    }
    live = {
        service["reference"]: " ".join(service["iccids"])
        for service in _get(f"{stack.network_url}/books")["services"]
        if service["state"] == "active"
    }

    for row in orders:
        wrong += _check_order(row, paid[row.number], taken)
        wrong += _check_service(row, live.get(row.number, ""))

    owners = Counter(row.iccid for row in orders if row.state == "completed")
    wrong += [
        f"{iccid}: one profile, {count} orders" for iccid, count in owners.items() if count > 1
    ]

    leaked = taken - set(_query(stack, SOLD))
    wrong += [f"{iccid}: taken at the SM-DP+ but not sold" for iccid in leaked]
    return wrong + [f"{year}: receipts with gaps" for year in _query(stack, GAPS)]


def _check_order(row: Row, payments: list[str], taken: set[str]) -> list[str]:
    """Return what is wrong with one order: it is open, charged wrongly, or has no profile."""
    charged = payments.count("captured")
    if row.state not in ENDED:
        return [f"{row.number}: still {row.state}"]
    if len(payments) > 1:
        return [f"{row.number}: {len(payments)} payments {payments}"]
    money, profiles = DONE if row.state == "completed" else RELEASED
    if row.payment not in money or row.profile not in profiles:
        return [f"{row.number}: {row.state}, stored as {row.payment} and {row.profile}"]
    if row.state != "completed":
        unreleased = {"authorised", "captured", "requires_action"} & set(payments)
        return [f"{row.number}: {row.state}, but {unreleased}"] if unreleased else []
    wrong = [] if charged == 1 else [f"{row.number}: completed with {charged} charges"]
    return wrong if row.iccid in taken else [*wrong, f"{row.number}: completed without a profile"]


def _check_service(row: Row, active_on: str) -> list[str]:
    """Return what is wrong in the network: a plan may be active only on the SIM it was sold for."""
    wanted = row.iccid if row.state == "completed" else ""
    return [] if active_on == wanted else [f"{row.number}: {row.state}, active on {active_on!r}"]


def _query(stack: Stack, statement: LiteralString) -> list[str]:
    """Return the first column of a query to the portal's database."""
    with psycopg.connect(stack.copy.database_url) as connection:
        return [str(value) for (value,) in connection.execute(statement).fetchall()]


def _get(url: str) -> dict[str, list[dict[str, Any]]]:
    answer = httpx.get(url, trust_env=False, timeout=30)
    body: dict[str, list[dict[str, Any]]] = answer.raise_for_status().json()
    return body
