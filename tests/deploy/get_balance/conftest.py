"""Fixtures of a Get Balance caller: its certificates, its requests, and checks of every answer."""

import base64
import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from balance_api.models import CallerRate
from esim.models import Sim
from tests.authority import Authority, Issued
from tests.balance_api.test_views import TRANSACTION, give
from tests.builders import make_card
from tests.deploy.conftest import SECRET, ApiProxy

NAME, SECOND = "getbalance.caller.example", "second.caller.example"
PROBLEM = "application/problem+json"
UNKNOWN = "8949449999999990023"
# Requests per second of a caller that is allowed very few.
SLOW = 0.001
Headers = dict[str, str] | list[tuple[str, str]]
GetBalance = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def caller_authority() -> Authority:
    """Return the authority of the caller's certificates."""
    return Authority("The caller's authority")


@pytest.fixture(scope="module")
def valid_certificate(caller_authority: Authority) -> Issued:
    return caller_authority.issue(NAME)


@pytest.fixture
def roots(proxy: ApiProxy, settings: Settings, caller_authority: Authority, tmp_path: Path) -> Path:
    """Trust the caller's authority and two names. Return the file of trusted roots."""
    file, _key = caller_authority.own.write(tmp_path, "roots")
    (tmp_path / "revoked.pem").touch()
    settings.BALANCE_CA = str(file)
    settings.BALANCE_REVOKED = str(tmp_path / "revoked.pem")
    settings.BALANCE_NAMES = frozenset({NAME, SECOND})
    settings.BALANCE_RATE = 0
    return file


@pytest.fixture
def sim(roots: Path, alice: User) -> Sim:
    """Return a SIM with 5 GB for 30 days in US and CA."""
    card = make_card()
    give(alice, card, code="traveller")
    return card


@pytest.fixture
def get_balance(proxy: ApiProxy, sim: Sim, valid_certificate: Issued) -> Iterator[GetBalance]:
    """Return a function that requests balances and checks what every answer must have."""
    clients: dict[Issued | None, httpx.Client] = {}
    numbers = itertools.count()

    def request(
        query: str = "",
        *,
        sim_id: object = None,
        certificate: Issued | None = valid_certificate,
        method: str = "GET",
        transaction: str | None = None,
        headers: Headers | None = None,
    ) -> httpx.Response:
        if certificate not in clients:
            clients[certificate] = proxy.client(certificate)
        identifier = sim_id if sim_id is not None else sim.iccid
        transaction = f"MSFT-{next(numbers)}" if transaction is None else transaction
        sent = [(TRANSACTION, transaction), *httpx.Headers(headers).multi_items()]
        answer = clients[certificate].request(
            method, f"/v1/sims/{identifier}/balances{query}", headers=sent
        )
        assert answer.headers[TRANSACTION] == transaction
        assert answer.headers["Cache-Control"] == "no-store"
        assert method == "HEAD" or is_json(answer)
        return answer

    yield request
    for client in clients.values():
        client.close()


def is_json(answer: httpx.Response) -> bool:
    """Say whether the body is balances, or a problem document with the answer's status."""
    if answer.status_code == 200:
        return answer.headers["Content-Type"] == "application/json" and "balances" in answer.json()
    has_same_status = answer.json()["status"] == answer.status_code
    return answer.headers["Content-Type"] == PROBLEM and has_same_status


def forge_headers(issued: Issued) -> Headers:
    """Return the certificate in every header that could smuggle it in, each header twice."""
    escaped = quote(issued.pem)
    standard = base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()
    headers = {
        "X-Client-Certificate": escaped,
        "X_Client_Certificate": escaped,
        "Client-Cert": f":{standard}:",
        "Client_Cert": f":{standard}:",
        "X-Proxy-Secret": SECRET,
        "X_Proxy_Secret": SECRET,
    }
    return [*headers.items(), *headers.items()]


def exhaust_rate(settings: Settings) -> None:
    """Make the caller exceed its rate limit."""
    settings.BALANCE_RATE = SLOW
    CallerRate.objects.create(caller=NAME, free_at=now() + timedelta(seconds=1 / SLOW))
