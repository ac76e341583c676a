"""The caller of Get Balance: its certificates, its questions, and what any answer has."""

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
# Questions a second of a caller who has to wait for long.
SLOW = 0.001
Headers = dict[str, str] | list[tuple[str, str]]
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def theirs() -> Authority:
    """Return the authority of the caller's certificates."""
    return Authority("The caller's authority")


@pytest.fixture(scope="module")
def good(theirs: Authority) -> Issued:
    return theirs.issue(NAME)


@pytest.fixture
def roots(proxy: ApiProxy, settings: Settings, theirs: Authority, tmp_path: Path) -> Path:
    """Believe the caller's authority and two names; return the file that says so."""
    file, _key = theirs.own.write(tmp_path, "roots")
    (tmp_path / "revoked.pem").touch()
    settings.BALANCE_CA = str(file)
    settings.BALANCE_REVOKED = str(tmp_path / "revoked.pem")
    settings.BALANCE_NAMES = frozenset({NAME, SECOND})
    settings.BALANCE_RATE = 0
    return file


@pytest.fixture
def sim(roots: Path, alice: User) -> Sim:
    """Return a SIM that holds 5 GB for 30 days in US and CA."""
    card = make_card()
    give(alice, card, code="traveller")
    return card


@pytest.fixture
def ask(proxy: ApiProxy, sim: Sim, good: Issued) -> Iterator[Ask]:
    """Return how the caller asks; whatever is answered is JSON and has its id on it."""
    clients: dict[Issued | None, httpx.Client] = {}
    numbers = itertools.count()

    def asked(
        query: str = "",
        *,
        about: object = None,
        shown: Issued | None = good,
        method: str = "GET",
        transaction: str | None = None,
        headers: Headers | None = None,
    ) -> httpx.Response:
        if shown not in clients:
            clients[shown] = proxy.client(shown)
        number = about if about is not None else sim.iccid
        transaction = f"MSFT-{next(numbers)}" if transaction is None else transaction
        sent = [(TRANSACTION, transaction), *httpx.Headers(headers).multi_items()]
        answer = clients[shown].request(method, f"/v1/sims/{number}/balances{query}", headers=sent)
        assert answer.headers[TRANSACTION] == transaction
        assert answer.headers["Cache-Control"] == "no-store"
        assert method == "HEAD" or is_json(answer)
        return answer

    yield asked
    for client in clients.values():
        client.close()


def is_json(answer: httpx.Response) -> bool:
    """Say whether the body is JSON as promised: balances, or a problem of this status."""
    if answer.status_code == 200:
        return answer.headers["Content-Type"] == "application/json" and "balances" in answer.json()
    same = answer.json()["status"] == answer.status_code
    return answer.headers["Content-Type"] == PROBLEM and same


def forged(good: Issued) -> Headers:
    """Return a good certificate in every header that could smuggle it in, each twice."""
    escaped = quote(good.pem)
    standard = base64.b64encode(good.certificate.public_bytes(Encoding.DER)).decode()
    written = {
        "X-Client-Certificate": escaped,
        "X_Client_Certificate": escaped,
        "Client-Cert": f":{standard}:",
        "Client_Cert": f":{standard}:",
        "X-Proxy-Secret": SECRET,
        "X_Proxy_Secret": SECRET,
    }
    return [*written.items(), *written.items()]


def limited(settings: Settings) -> None:
    """Let the caller have asked too much."""
    settings.BALANCE_RATE = SLOW
    CallerRate.objects.create(caller=NAME, free_at=now() + timedelta(seconds=1 / SLOW))
