"""Refusals: which of two faults is reported (docs/contract.md#get-balance), and nginx's own."""

import itertools
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django.fixtures import Settings

from demo.parts import LOOPBACK
from esim.models import Sim
from tests.authority import PAST, Authority, Issued
from tests.balance_api.test_views import TRANSACTION
from tests.deploy.conftest import HOST, ApiProxy, run_api_proxy
from tests.deploy.get_balance.conftest import (
    NAME,
    PROBLEM,
    SLOW,
    UNKNOWN,
    GetBalance,
    exhaust_rate,
    forge_headers,
    is_json,
)
from tests.peer import Peer, answering
from tests.services import free_port

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_caller_over_its_rate_limit_gets_429_with_retry_after(
    get_balance: GetBalance, settings: Settings
) -> None:
    settings.BALANCE_RATE = 0.25
    assert get_balance().status_code == 200

    refused = get_balance()
    assert refused.status_code == 429
    assert refused.json()["detail"]
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 3

    time.sleep(wait)
    assert get_balance().status_code == 200


# What makes a request wrong, in the order in which docs/contract.md#get-balance checks it.
FAULTS: dict[int, dict[str, Any]] = {
    405: {"method": "POST"},
    401: {"certificate": None},
    429: {},
    400: {"query": "?limit=x"},
    409: {"transaction": "used"},
    404: {"sim_id": UNKNOWN},
}


def test_of_two_faults_the_one_checked_first_is_reported(
    get_balance: GetBalance,
    caller_authority: Authority,
    settings: Settings,
    subtests: pytest.Subtests,
) -> None:
    assert get_balance(transaction="used").status_code == 200
    exhaust_rate(settings)
    stranger = Authority("Another").issue(NAME)

    for first, second in itertools.combinations(FAULTS, 2):
        settings.BALANCE_RATE = SLOW if 429 in (first, second) else 0
        request = {**FAULTS[first], **FAULTS[second]}
        with subtests.test(f"{first} before {second}"):
            assert get_balance(**request).status_code == first
        if 401 in (first, second):
            with subtests.test(f"{first} before {second}, 403 for 401"):
                answer = get_balance(**{**request, "certificate": stranger})
                assert answer.status_code == (403 if first == 401 else first)


REFUSED_BY_PROXY: list[tuple[str, int, dict[str, Any]]] = [
    ("a long path", 414, {"url": f"/v1/sims/{'8' * 5000}/balances"}),
    ("a long query", 414, {"url": f"/v1/sims/{UNKNOWN}/balances?other={'x' * 60_000}"}),
    ("a long header", 431, {"url": "/v1/x", "headers": {"X-Long": "x" * 5000}}),
    ("many headers", 431, {"url": "/v1/x", "headers": {f"X-{n}": "x" * 3000 for n in range(8)}}),
    ("a long body", 413, {"url": "/v1/x", "method": "POST", "content": b"x" * 200_000}),
    ("an address that is not forwarded", 404, {"url": "/admin/"}),
    ("an internal address", 404, {"url": "/problems/414"}),
    ("an unsupported method", 405, {"url": "/v1/x", "method": "TRACE"}),
]


def test_the_proxys_own_refusals_are_problem_documents(
    proxy: ApiProxy, valid_certificate: Issued, subtests: pytest.Subtests
) -> None:
    for name, status, request in REFUSED_BY_PROXY:
        with subtests.test(name), proxy.client(valid_certificate) as client:
            answer = client.request(**{"method": "GET", **request})

            assert (answer.status_code, is_json(answer)) == (status, True)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


PAST_THE_API = [
    *("/admin/login/", "/sign-in/", "/livez", "/admin/../v1/x", "/admin/%2e%2e/v1/x"),
    *("/admin/../v1/usage", "/admin/../gsma/rsp2/es2plus/x"),
]


@pytest.mark.parametrize("path", PAST_THE_API)
@pytest.mark.parametrize("days", [(-1.0, 30.0), PAST], ids=["good", "expired"])
def test_no_certificate_leads_past_the_api(
    caller_authority: Authority, proxy: ApiProxy, path: str, days: tuple[float, float]
) -> None:
    """The portal behind the proxy serves every page here, as with the face `all`."""
    with proxy.client(caller_authority.issue(NAME, days=days)) as client:
        # In an address, httpx would remove the dot segments.
        answer = client.get("/", extensions={"target": path.encode()})

    assert (answer.status_code, is_json(answer)) == (404, True)


@pytest.mark.processes
def test_the_proxy_passes_on_no_header_with_an_underscore(
    valid_certificate: Issued, tmp_path: Path
) -> None:
    """WSGI would not tell X_Client_Certificate, which a caller wrote, from the proxy's header."""
    with (
        answering(Peer()) as portal,
        run_api_proxy(tmp_path, portal.url.removeprefix("http://")) as proxy,
        proxy.client() as client,
    ):
        client.post("/v1/x", json={}, headers=forge_headers(valid_certificate))

    (request,) = portal.requests
    assert [name for name, _value in request.headers if "_" in name] == []


@pytest.mark.parametrize("sent", [b"NO SUCH THING\r\n\r\n", b"GET /v1/x HTTP/1.1\r\n\r\n"])
def test_invalid_http_is_answered_400(proxy: ApiProxy, sent: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=proxy.authority.own.pem.decode())
    host, port = proxy.address.split(":")
    with (
        socket.create_connection((host, int(port))) as line,
        context.wrap_socket(line, server_hostname=HOST) as secured,
    ):
        secured.sendall(sent)
        answer = secured.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert PROBLEM.encode() in answer


def test_plain_http_is_answered_400(proxy: ApiProxy) -> None:
    answer = httpx.get(f"http://{proxy.address}/v1/x", trust_env=False)

    assert (answer.status_code, is_json(answer)) == (400, True)
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.processes
@pytest.mark.parametrize("days", [(-1.0, 30.0), PAST], ids=["good", "expired"])
def test_while_the_portal_is_down_the_proxy_answers_503(
    caller_authority: Authority, tmp_path: Path, days: tuple[float, float]
) -> None:
    with (
        run_api_proxy(tmp_path, f"{LOOPBACK}:{free_port()}") as proxy,
        proxy.client(caller_authority.issue(NAME, days=days)) as client,
    ):
        answer = client.get(f"/v1/sims/{UNKNOWN}/balances", headers={TRANSACTION: "T"})

    assert (answer.status_code, is_json(answer)) == (503, True)
    assert (answer.headers["Retry-After"], answer.headers[TRANSACTION]) == ("5", "T")


def test_the_proxys_log_masks_iccids(proxy: ApiProxy, get_balance: GetBalance, sim: Sim) -> None:
    forms = ("{}", "{}F", "iccid:%20{}", "{}/balances/{}", "{}?x=")
    for form in forms:
        get_balance(
            "?location=US", sim_id=form.format(sim.iccid, sim.iccid), transaction=f"T {form}"
        )
    with proxy.client() as client:
        client.get(f"/{sim.iccid}?eid={sim.iccid}", headers={TRANSACTION.encode(): b"\xe9"})

    lines = proxy.log_lines()[-len(forms) - 1 :]

    assert sim.iccid not in str(lines)
    assert lines[0]["path"] == f"/v1/sims/...{sim.iccid[-4:]}/balances"
    assert [line["transaction_id"] for line in lines] == [*(f"T {form}" for form in forms), ""]
    assert (lines[0]["status"], len(lines[0]["certificate"])) == (200, 40)
