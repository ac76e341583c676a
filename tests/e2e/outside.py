"""How tests look at the portal from outside: the simulators' books, and Get Balance."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg

from tests.providers import break_it, mend
from tests.stack import Stack

ONE_TIME_CODE, STAFF_CODE = r"\b[BCDFGHJKMNPQRSTVWXZ2-9]{6}\b", r"\b\d{4}-\d{4}-\d{4}\b"
# In seconds.
PATIENCE = 30.0


def profiles(stack: Stack) -> list[dict[str, Any]]:
    """Return the SM-DP+'s profiles that are ordered or delivered, without withdrawn ones."""
    found = _get(f"{stack.smdp_url}/books")["profiles"]
    return [profile for profile in found if profile["state"] not in {"Available", "Unavailable"}]


def es2_calls(stack: Stack) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = _get(f"{stack.smdp_url}/books")["calls"]
    return calls


def payments(stack: Stack, order_number: str) -> list[dict[str, Any]]:
    """Return the payment provider's payments for this order."""
    found = _get(f"{stack.payment_url}/books")["payments"]
    return [payment for payment in found if payment["reference"] == order_number]


def live(stack: Stack, order_number: str) -> list[dict[str, Any]]:
    """Return the services that are active in the network for this order."""
    found = _get(f"{stack.network_url}/books")["services"]
    is_live = {"reference": order_number, "state": "active"}
    return [service for service in found if is_live.items() <= service.items()]


def download(stack: Stack, activation_code: str, eid: str) -> dict[str, Any]:
    """Download the profile with its code, as the device's LPA does."""
    answer = httpx.post(
        f"{stack.smdp_url}/device/download",
        json={"activationCode": activation_code, "eid": eid},
        trust_env=False,
    )
    result: dict[str, Any] = answer.raise_for_status().json()
    return result


def balances(stack: Stack, iccid: str, **parameters: str) -> list[dict[str, Any]]:
    url = f"{stack.base_url}/v1/sims/{iccid}/balances"
    found: list[dict[str, Any]] = _get(url, **parameters)["balances"]
    return found


def code_sent_to(stack: Stack, address: str, *, but: str = "", form: str = ONE_TIME_CODE) -> str:
    """Return the newest code of this form in the customer's phone or mailbox, once it is there.

    `but` is an earlier code that does not count.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in _get(f"{stack.message_url}/books")["messages"]:
            found = re.search(form, message["text"])
            if message["recipient"] == address and found and found[0] != but:
                return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no code for {address}")


@contextmanager
def fault(url: str, function: str, kind: str, *, times: int = 1000) -> Iterator[None]:
    """Make one function of a simulator fail within the context."""
    break_it(url, function, kind, times)
    try:
        yield
    finally:
        mend(url)


def _get(url: str, **parameters: str) -> dict[str, Any]:
    answer = httpx.get(url, params=parameters, trust_env=False)
    body: dict[str, Any] = answer.raise_for_status().json()
    return body


def query(stack: Stack, statement: str, **values: str) -> list[Any]:
    """Return the first column of a query, from PostgreSQL or SQLite."""
    url = stack.copy.database_url
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return [row[0] for row in connection.execute(statement, values)]
    with psycopg.connect(url) as connection:
        found = connection.execute(re.sub(r":(\w+)", r"%(\1)s", statement).encode(), values)
        return [row[0] for row in found]
