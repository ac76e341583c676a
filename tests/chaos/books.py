"""Three books compared to the row: the portal's, the payment provider's, the SM-DP+'s."""

import time
from collections import Counter
from dataclasses import dataclass

import httpx
import psycopg

from tests.stack import Stack

ENDED = {"completed", "failed", "cancelled"}
ENDED_WITHIN = 120.0
LET_GO_WITHIN = 60.0
TAKEN = {"Allocated", "Linked", "Confirmed", "Released", "Downloaded", "Installed"}
ORDERS = """
SELECT o.number, o.state, coalesce(s.iccid, '') FROM orders_order o
LEFT JOIN esim_profile p ON p.id = o.profile_id LEFT JOIN esim_sim s ON s.id = p.sim_id
WHERE o.number = ANY(%s)
"""


@dataclass(frozen=True)
class Row:
    """One order as the portal has it."""

    number: str
    state: str
    iccid: str


def rows(stack: Stack, numbers: list[str]) -> list[Row]:
    """Read the portal's orders; nothing while its database is away."""
    try:
        with psycopg.connect(stack.copy.database_url) as connection:
            return [Row(*found) for found in connection.execute(ORDERS, [numbers]).fetchall()]
    except psycopg.OperationalError:
        return []


def have_ended(stack: Stack, numbers: list[str]) -> bool:
    """Say whether every order is there and has ended."""
    found = rows(stack, numbers)
    return len(found) == len(numbers) and all(row.state in ENDED for row in found)


def wait_for_ends(stack: Stack, numbers: list[str]) -> float:
    """Wait until every order has ended; return the seconds it took, or the whole patience."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < ENDED_WITHIN:
        if have_ended(stack, numbers):
            return waited
        time.sleep(0.25)
    return ENDED_WITHIN


def losses(stack: Stack, numbers: list[str]) -> list[str]:
    """Return what is off; what is only being let go of still has a minute."""
    deadline = time.monotonic() + LET_GO_WITHIN
    while wrong := _compare(stack, rows(stack, numbers), numbers):
        if time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)
    return []


def _compare(stack: Stack, orders: list[Row], numbers: list[str]) -> list[str]:
    wrong = [f"{number}: no such order" for number in set(numbers) - {row.number for row in orders}]
    payments = _get(f"{stack.payment_url}/books")["payments"]
    taken = {
        profile["iccid"]: profile["state"]
        for profile in _get(f"{stack.smdp_url}/books")["profiles"]
        if profile["state"] in TAKEN
    }
    for row in orders:
        mine = [one["status"] for one in payments if one["reference"] == row.number]
        wrong += _order(row, mine, taken)
    owners = Counter(row.iccid for row in orders if row.state == "completed")
    wrong += [
        f"{iccid}: one profile, {count} orders" for iccid, count in owners.items() if count > 1
    ]
    leaked = set(taken) - _owned(stack)
    wrong += [f"{iccid}: taken at the SM-DP+, sold to nobody" for iccid in leaked]
    return wrong


def _order(row: Row, payments: list[str], taken: dict[str, str]) -> list[str]:
    """Say what is off about one order: no end, a charge too many or too few, no profile."""
    charged = payments.count("captured")
    if row.state not in ENDED:
        return [f"{row.number}: still {row.state}"]
    if len(payments) > 1:
        return [f"{row.number}: {len(payments)} payments {payments}"]
    if row.state != "completed":
        held = {"authorised", "captured", "requires_action"} & set(payments)
        return [f"{row.number}: {row.state}, but {held}"] if held else []
    wrong = [] if charged == 1 else [f"{row.number}: completed with {charged} charges"]
    return wrong if row.iccid in taken else [*wrong, f"{row.number}: completed without a profile"]


def _owned(stack: Stack) -> set[str]:
    """Return the ICCIDs of all completed orders, those of earlier rounds too."""
    with psycopg.connect(stack.copy.database_url) as connection:
        sold = ORDERS.partition("WHERE")[0] + "WHERE o.state = 'completed'"
        return {iccid for _number, _state, iccid in connection.execute(sold).fetchall()}


def _get(url: str) -> dict[str, list[dict[str, str]]]:
    answer = httpx.get(url, trust_env=False, timeout=30)
    body: dict[str, list[dict[str, str]]] = answer.raise_for_status().json()
    return body
