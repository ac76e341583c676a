"""The check before a measurement that all servers give the same answers."""

import re
import time
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx

from bench.servers import Server
from bench.sim_tables import PREFIX
from demo.parts import LOOPBACK
from moportal.identifiers import Iccid

TRANSACTION_HEADER = "X-MS-DM-TransactionId"
# SIMs with one bucket, with two buckets, and with an unlimited one.
SERIALS = (1, 2, 3, 20, 21, 1000)
# Two servers may answer in different seconds, and then the time remaining differs.
TRIES = 5


def check_same_answers(servers: Sequence[Server], headers: dict[str, str]) -> None:
    """Send the same requests to each server. Raises `ValueError` if two answers differ."""
    # The empty server has no endpoint.
    endpoints = [server for server in servers if server.kind.name != "empty"]
    with httpx.Client(trust_env=False) as client:
        for serial in SERIALS:
            _check_balances(client, endpoints, headers, Iccid.numbered(PREFIX, serial))
        for server in endpoints:
            found = _statuses(client, server, headers)
            if found != EXPECTED:
                raise ValueError(f"{server.kind.name} answers {found}")


def _check_balances(
    client: httpx.Client, servers: Sequence[Server], headers: dict[str, str], iccid: str
) -> None:
    for _ in range(TRIES):
        bodies = {one.kind.name: _balances(client, one, headers, iccid) for one in servers}
        if all(one == bodies[servers[0].kind.name] for one in bodies.values()):
            return
        time.sleep(0.1)
    raise ValueError(f"{iccid}: {bodies}")


def _balances(client: httpx.Client, server: Server, headers: dict[str, str], iccid: str) -> Any:
    answer = _get(client, server, {**headers, TRANSACTION_HEADER: uuid.uuid4().hex}, iccid)
    if answer.status_code != HTTPStatus.OK or not answer.json()["balances"]:
        raise ValueError(f"{server.kind.name}: {answer.status_code} {answer.text}")
    for one in answer.json()["balances"]:
        if not re.fullmatch(r"P23DT[0-9HMS]+", one["timeRemaining"]):
            raise ValueError(f"{server.kind.name}: {one}")
    return answer.json()


EXPECTED = {
    "once": 200,
    "again": 409,
    "unknown": 404,
    "template": 400,
    "limit": 400,
    "nobody": 401,
    "past the proxy": 403,
}


def _statuses(client: httpx.Client, server: Server, headers: dict[str, str]) -> dict[str, int]:
    known, unknown = Iccid.numbered(PREFIX, 1), Iccid.numbered("894400", 1)
    repeated = {**headers, TRANSACTION_HEADER: uuid.uuid4().hex}
    nobody = {name: value for name, value in headers.items() if "Certificate" not in name}
    answers = {
        "once": _get(client, server, repeated, known),
        "again": _get(client, server, repeated, known),
        "unknown": _get(client, server, {**headers, TRANSACTION_HEADER: uuid.uuid4().hex}, unknown),
        "template": _get(client, server, headers, known, fieldsTemplate="most"),
        "limit": _get(client, server, headers, known, limit="0"),
        "nobody": _get(client, server, nobody, known),
        "past the proxy": _get(client, server, {**headers, "X-Proxy-Secret": "guessed"}, known),
    }
    return {name: answer.status_code for name, answer in answers.items()}


def _get(
    client: httpx.Client, server: Server, headers: dict[str, str], iccid: str, **query: str
) -> httpx.Response:
    url = f"http://{LOOPBACK}:{server.port}/v1/sims/{iccid}/balances"
    return client.get(url, headers=headers, params={"fieldsTemplate": "basic", **query})
