"""Get Balance as its caller meets it: through a real nginx, with real certificates.

Seed 003's negative tests and the rows of the contract's section 5, by name.
"""

import base64
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.timezone import now
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from balance_api.models import AnsweredTransaction, CallerRate
from demo.parts import LOOPBACK
from esim.models import Sim
from moportal.certificates import pin
from subscriptions.models import Bucket, Subscription
from tests.authority import SERVER, Authority, Issued
from tests.balance_api.test_views import give
from tests.builders import GB, make_card
from tests.deploy.conftest import HOST, SECRET, Door, opened
from tests.services import free_port

NAME, SECOND = "getbalance.caller.example", "second.caller.example"
TRANSACTION = "X-MS-DM-TransactionId"
PROBLEM = "application/problem+json"
UNKNOWN = "8949449999999990023"
PAST, FUTURE = (-9.0, -1.0), (1.0, 9.0)
# Questions a second of a caller who has to wait for long.
SLOW = 0.001
pytestmark = pytest.mark.django_db(transaction=True)
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
def roots(door: Door, settings: Settings, theirs: Authority, tmp_path: Path) -> Path:
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
def ask(door: Door, sim: Sim, good: Issued) -> Iterator[Ask]:
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
            clients[shown] = door.client(shown)
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
    """Say whether it is what the contract promises: balances, or a problem of this status."""
    if answer.status_code == 200:
        return answer.headers["Content-Type"] == "application/json" and "balances" in answer.json()
    same = answer.json()["status"] == answer.status_code
    return answer.headers["Content-Type"] == PROBLEM and same


def certificates(theirs: Authority, foreign: Authority) -> dict[str, tuple[Issued | None, int]]:
    return {
        "none": (None, 401),
        "good": (theirs.issue(NAME), 200),
        "expired": (theirs.issue(NAME, days=PAST), 401),
        "not yet valid": (theirs.issue(NAME, days=FUTURE), 401),
        "foreign": (foreign.issue(NAME), 403),
        "foreign and expired": (foreign.issue(NAME, days=PAST), 403),
        "of an authority that calls itself the same": (Authority(theirs.name).issue(NAME), 403),
        "signed by itself": (Authority(NAME).own, 403),
        "wrong subject": (theirs.issue("other.example"), 403),
        "wrong subject and expired": (theirs.issue("other.example", days=PAST), 403),
        "server only": (theirs.issue(NAME, usages=[SERVER]), 403),
        "no purpose said": (theirs.issue(NAME, usages=[]), 403),
        "of an intermediate that nobody configured": (Authority("Below", theirs).issue(NAME), 403),
    }


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


def test_each_certificate_gets_its_answer(
    ask: Ask,
    theirs: Authority,
    good: Issued,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    revoked = theirs.issue(NAME)
    write_list(tmp_path, theirs, revoked)
    cases = {**certificates(theirs, Authority("Another")), "revoked": (revoked, 403)}

    for name, (shown, status) in cases.items():
        for how, headers in {"bare": None, "with forged headers": forged(good)}.items():
            with subtests.test(f"{name}, {how}"):
                assert ask(shown=shown, headers=headers).status_code == status


def write_list(folder: Path, authority: Authority, *revoked: Issued) -> None:
    listed = authority.revoke(*revoked).public_bytes(Encoding.PEM)
    (folder / "revoked.pem").write_bytes(listed)


def test_a_certificate_by_way_of_an_intermediate_beside_the_roots(
    ask: Ask, theirs: Authority, settings: Settings, tmp_path: Path
) -> None:
    below = Authority("Below", theirs)
    settings.BALANCE_INTERMEDIATES = str(below.own.write(tmp_path, "below")[0])

    assert ask(shown=below.issue(NAME)).status_code == 200


def test_a_list_that_is_written_while_it_runs_counts_at_once(
    ask: Ask, theirs: Authority, good: Issued, tmp_path: Path
) -> None:
    assert ask().status_code == 200

    write_list(tmp_path, theirs, good)

    assert ask().status_code == 403
    assert ask(shown=theirs.issue(NAME)).status_code == 200


def test_anchors_may_be_changed_while_it_runs(ask: Ask, theirs: Authority, roots: Path) -> None:
    later = Authority("The caller's next authority")
    assert (ask().status_code, ask(shown=later.issue(NAME)).status_code) == (200, 403)

    roots.write_bytes(theirs.own.pem + later.own.pem)
    assert (ask().status_code, ask(shown=later.issue(NAME)).status_code) == (200, 200)

    roots.write_bytes(later.own.pem)
    assert (ask().status_code, ask(shown=later.issue(NAME)).status_code) == (403, 200)


def test_anchors_that_cannot_be_read_are_our_fault(ask: Ask, roots: Path) -> None:
    roots.unlink()

    answer = ask()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert str(roots) not in answer.text


def test_a_key_may_be_pinned(ask: Ask, theirs: Authority, settings: Settings) -> None:
    pinned = theirs.issue("whatever it calls itself")
    settings.BALANCE_NAMES = frozenset({pin(pinned.certificate).upper()})

    assert ask(shown=pinned).status_code == 200
    assert ask(shown=theirs.issue("whatever it calls itself")).status_code == 403


@pytest.fixture
def past(sim: Sim, live_server: LiveServer) -> Callable[[dict[str, str]], httpx.Response]:
    """Return how somebody asks who reaches the portal past the proxy."""
    address = f"{live_server.url}/v1/sims/{sim.iccid}/balances"

    def asked(headers: dict[str, str]) -> httpx.Response:
        answer = httpx.get(address, headers={"Host": HOST, **headers}, trust_env=False)
        assert is_json(answer)
        return answer

    return asked


def test_past_the_proxy_no_certificate_is_believed(
    past: Callable[[dict[str, str]], httpx.Response], good: Issued
) -> None:
    smuggled = dict(forged(good))

    assert past({}).status_code == 401
    for secret in ("", "guessed", SECRET.upper(), f"{SECRET},{SECRET}", f"{SECRET} x"):
        assert past({**smuggled, "X-Proxy-Secret": secret}).status_code == 403
    del smuggled["X-Proxy-Secret"]
    assert past(smuggled).status_code == 403


def test_a_proxy_of_another_make_may_use_the_standards_header(
    past: Callable[[dict[str, str]], httpx.Response], good: Issued
) -> None:
    coded = base64.b64encode(good.certificate.public_bytes(Encoding.DER)).decode()

    assert past({"Client-Cert": f":{coded}:", "X-Proxy-Secret": SECRET}).status_code == 200


def basic(told: str, scheme: str = "Basic") -> Headers:
    return {"Authorization": f"{scheme} {base64.b64encode(told.encode()).decode()}"}


PASSWORDS: list[tuple[str, Headers, int]] = [
    ("right", basic("caller:sesam:öffne"), 200),
    ("right, in lower case", basic("caller:sesam:öffne", "basic"), 200),
    ("right, in upper case", basic("caller:sesam:öffne", "BASIC"), 200),
    ("half of it", basic("caller:sesam"), 401),
    ("another's", basic("Caller:sesam:öffne"), 401),
    ("of another scheme", basic("caller:sesam:öffne", "Bearer"), 401),
    ("empty", {"Authorization": "Basic"}, 401),
    ("not base64", {"Authorization": "Basic not base64!"}, 401),
    ("missing", {}, 401),
]


def test_a_password_is_asked_for_besides_where_one_is_set(
    ask: Ask, settings: Settings, subtests: pytest.Subtests
) -> None:
    settings.BALANCE_CREDENTIALS = "caller:sesam:öffne"

    for name, headers, status in PASSWORDS:
        with subtests.test(name):
            answer = ask(headers=headers)

            assert answer.status_code == status
            challenge = answer.headers.get("WWW-Authenticate", "")
            assert challenge.startswith("Basic") == (status == 401)


def test_a_password_does_not_stand_in_for_a_certificate(
    ask: Ask, theirs: Authority, settings: Settings
) -> None:
    settings.BALANCE_CREDENTIALS = "caller:sesam"

    for shown, status in certificates(theirs, Authority("Another")).values():
        assert ask(shown=shown, headers=basic("caller:sesam")).status_code == status


# The contract's rows that a query or a path can show: (row, query, which SIM, what is answered).
ROWS: list[tuple[str, str, str, int | dict[str, Any]]] = [
    ("seed: an invalid SIM", "", "123", 404),
    ("seed: a SIM of another operator", "", UNKNOWN, 404),
    ("seed: unknown location", "?location=XX", "{}", 400),
    ("seed: bad location string", "?location=nowhere", "{}", 400),
    ("seed: bad location number", "?location=42", "{}", 400),
    ("seed: negative limit", "?limit=-1", "{}", 400),
    ("seed: limit beyond an INT", "?limit=2147483648", "{}", 400),
    ("seed: limit is an INT", "?limit=2147483647", "{}", 200),
    ("seed: without location", "?fieldsTemplate=basic&limit=1", "{}", 200),
    ("seed: empty location", "?fieldsTemplate=basic&limit=1&location=", "{}", 200),
    ("seed: without fieldTemplate", "?limit=1&location=US", "{}", 200),
    ("seed: empty fieldTemplate", "?fieldTemplate=&limit=1&location=US", "{}", 200),
    ("seed: without limit", "?fieldTemplate=full&location=US", "{}", 200),
    ("seed: empty limit", "?fieldTemplate=full&limit=&location=US", "{}", 200),
    ("seed: one bad among good ones", "?fieldTemplate=full&limit=0&location=US", "{}", 400),
    ("sim: bare", "", "{}", 200),
    ("sim: with its scheme", "", "iccid:{}", 200),
    ("sim: with a blank behind it, as the sample has", "", "iccid: {}", 200),
    ("sim: percent-encoded, any case", "", "IcCiD%3a%20{}", 200),
    ("sim: trailing F", "", "{}F", 200),
    ("sim: trailing slash", "", "{}/balances/", 404),
    ("fieldsTemplate: any case", "?fieldsTemplate=FULL", "{}", {"locations": ["US", "CA"]}),
    ("fieldsTemplate: fieldTemplate", "?fieldTemplate=Full", "{}", {"locations": ["US", "CA"]}),
    ("fieldsTemplate: anything else", "?fieldsTemplate=some", "{}", 400),
    ("limit: 0", "?limit=0", "{}", 400),
    ("limit: not ASCII", "?limit=%D9%A1", "{}", 400),
    ("limit: a fraction", "?limit=1.5", "{}", 400),
    ("location: any case", "?location=us", "{}", {"type": "MODIRECTPAYG"}),
    ("location: UK is GB", "?location=UK&fieldsTemplate=full", "{}", {"locations": ["GB"]}),
    ("other parameters", "?color=red&fieldstemplate=x", "{}", 200),
    ("of a repeated one the first", "?limit=1&limit=x", "{}", 200),
    ("of a repeated one not the second", "?limit=x&limit=1", "{}", 400),
    ("NONE: elsewhere", "?location=DE", "{}", {"type": "NONE", "timeRemaining": "PT0S"}),
    ("dataRemainingInMB", "", "{}", {"dataRemainingInMB": 5000.0}),
]


def test_every_row_of_the_contract(ask: Ask, sim: Sim, subtests: pytest.Subtests) -> None:
    for row, query, about, expected in ROWS:
        with subtests.test(row):
            answer = ask(query, about=about.format(sim.iccid))

            status = expected if isinstance(expected, int) else 200
            assert answer.status_code == status
            if isinstance(expected, dict):
                (balance,) = answer.json()["balances"]
                assert {name: balance[name] for name in expected} == expected
            assert ("parameter" in answer.json()) == (status == 400)


def test_the_samples_spelling_may_be_wanted(ask: Ask, settings: Settings) -> None:
    settings.BALANCE_DATA_KEY = "dataRemaininginMB"

    (balance,) = ask().json()["balances"]

    assert set(balance) == {"id", "type", "dataRemaininginMB", "timeRemaining"}


def test_what_else_may_be_left(ask: Ask, alice: User, subtests: pytest.Subtests) -> None:
    """Rows MODIRECT, MODIRECTPAYG, NONE and NOTSUPPORTED; seed 003, Getting Balance, 1 and 2."""
    unlimited, walled, exhausted, shut_out = (
        make_card(),
        make_card(),
        make_card(),
        make_card(is_in_programme=False),
    )
    give(alice, unlimited, code="unlimited", category="recurring", data_bytes=None)
    give(alice, walled, code="walled")
    give(alice, exhausted, code="exhausted")
    of_plan = {"subscription__reference": "walled"}
    Bucket.objects.filter(**of_plan).update(kind=Bucket.Kind.MICROBALANCE)
    Bucket.objects.filter(subscription__reference="exhausted").update(used_bytes=5 * GB)
    rows = {
        "a plan without a count": (unlimited, "MODIRECT", False),
        "only a microbalance": (walled, "NONE", True),
        "used up though the plan runs on": (exhausted, "NONE", True),
        "never had a plan: the walled garden": (make_card(), "NONE", True),
        "shut out of the programme": (shut_out, "NOTSUPPORTED", True),
    }

    for row, (card, kind, is_over) in rows.items():
        with subtests.test(row):
            (balance,) = ask("?fieldsTemplate=full", about=card.iccid).json()["balances"]

            assert (balance["type"], balance["dataRemainingInMB"]) == (kind, 0)
            assert (balance["timeRemaining"] == "PT0S") == is_over
            assert balance["locations"] == ([] if is_over else ["US", "CA"])


def test_data_and_time_count_down(ask: Ask) -> None:
    """Seed 003, Getting Balance, tests 3 and 4."""
    Bucket.objects.update(used_bytes=GB + 1)
    Subscription.objects.update(ends_at=now() + timedelta(days=23, hours=23, seconds=30))
    (before,) = ask().json()["balances"]
    Bucket.objects.update(used_bytes=5 * GB - 1)
    Subscription.objects.update(ends_at=now() + timedelta(seconds=30))
    (after,) = ask().json()["balances"]
    Subscription.objects.update(ends_at=now())
    (ended,) = ask().json()["balances"]

    assert (before["dataRemainingInMB"], before["timeRemaining"][:8]) == (3999.99, "P23DT23H")
    assert (after["dataRemainingInMB"], after["timeRemaining"][:3]) == (0.01, "PT2")
    assert (ended["type"], ended["timeRemaining"]) == ("NONE", "PT0S")


def test_what_ends_first_comes_first_and_limit_cuts_afterwards(
    ask: Ask, alice: User, sim: Sim
) -> None:
    give(alice, sim, code="day", data_bytes=GB, validity_days=1)

    both, first = ask().json()["balances"], ask("?limit=1").json()["balances"]

    assert [balance["dataRemainingInMB"] for balance in both] == [1000.0, 5000.0]
    assert first == both[:1]


def test_only_json_is_to_be_had(ask: Ask, subtests: pytest.Subtests) -> None:
    taken = ["", "*/*", "application/*", "application/json", "text/html, Application/JSON;q=0.5"]
    refused = ["text/html", "application/xml", "application/json;q=0"]
    for accept, status in [(one, 200) for one in taken] + [(one, 406) for one in refused]:
        with subtests.test(accept or "none"):
            assert ask(headers={"Accept": accept}).status_code == status


def test_head_is_a_question_like_another(ask: Ask) -> None:
    answer = ask(method="HEAD", transaction="T")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert ask(transaction="T").status_code == 409


def test_it_is_for_reading_alone(ask: Ask) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert ask(method=method, shown=None).status_code == 405, method


def test_a_transaction_id_is_spent_by_200_and_404_alone(ask: Ask, settings: Settings) -> None:
    assert ask(transaction="of 200").status_code == 200
    assert ask(about=UNKNOWN, transaction="of 404").status_code == 404
    assert ask("?limit=x", transaction="of 400").status_code == 400
    assert ask(shown=None, transaction="of 401").status_code == 401
    limited(settings)
    assert ask(transaction="of 429").status_code == 429
    settings.BALANCE_RATE = 0

    again = [ask(transaction=f"of {status}").status_code for status in (200, 404, 400, 401, 429)]

    assert again == [409, 409, 200, 200, 200]
    assert ask(about=UNKNOWN, transaction="of 200").status_code == 409


def limited(settings: Settings) -> None:
    """Let the caller have asked too much."""
    settings.BALANCE_RATE = SLOW
    CallerRate.objects.create(caller=NAME, free_at=now() + timedelta(seconds=1 / SLOW))


def test_two_callers_may_use_the_same_transaction_id(ask: Ask, theirs: Authority) -> None:
    second = theirs.issue(SECOND)

    assert ask(transaction="T").status_code == 200
    assert ask(transaction="T", shown=second).status_code == 200
    assert ask(transaction="T", shown=second).status_code == 409


def test_a_renewed_certificate_is_the_same_caller(ask: Ask, theirs: Authority) -> None:
    assert ask(transaction="T").status_code == 200

    assert ask(transaction="T", shown=theirs.issue(NAME)).status_code == 409


def test_a_transaction_id_may_come_again_after_its_time(ask: Ask, settings: Settings) -> None:
    assert ask(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 0
    assert ask(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 24
    assert ask(transaction="T").status_code == 409

    AnsweredTransaction.objects.update(at=now() - timedelta(hours=24))

    assert ask(transaction="T").status_code == 200
    assert ask(transaction="T").status_code == 409


def test_it_is_echoed_as_it_came(ask: Ask, door: Door, sim: Sim, good: Issued) -> None:
    for transaction in ('"MSFT-12345678"', "a, b", "x" * 128):
        assert ask(transaction=transaction).status_code == 200
    with door.client(good) as client:
        sent = {TRANSACTION.encode(): "é ü".encode("latin-1")}
        answer = client.get(f"/v1/sims/{sim.iccid}/balances", headers=sent)

    assert set(sent.items()) <= set(answer.headers.raw)


def test_it_is_echoed_on_every_refusal(
    ask: Ask, theirs: Authority, settings: Settings, subtests: pytest.Subtests
) -> None:
    """That it is, `ask` looks at for every answer."""
    refusals: dict[int, dict[str, Any]] = {
        400: {"query": "?limit=x"},
        401: {"shown": None},
        403: {"shown": theirs.issue("another.example")},
        404: {"about": UNKNOWN},
        405: {"method": "POST"},
        406: {"headers": {"Accept": "text/html"}},
        429: {},
    }
    for status, question in refusals.items():
        with subtests.test(str(status)):
            if status == 429:
                limited(settings)
            assert ask(**question).status_code == status


def test_it_is_echoed_by_what_answers_for_the_view_too(ask: Ask, settings: Settings) -> None:
    """Django refuses a host that it does not know before the view is asked."""
    settings.ALLOWED_HOSTS = ["another.example"]

    assert ask().status_code == 400


def test_one_that_cannot_be_kept_is_named(ask: Ask) -> None:
    answer = ask(transaction="x" * 129)

    assert (answer.status_code, answer.json()["parameter"]) == (400, TRANSACTION)


def test_who_asks_too_much_is_told_when_to_come_back(ask: Ask, settings: Settings) -> None:
    settings.BALANCE_RATE = 0.25
    assert ask().status_code == 200

    refused = ask()
    assert refused.status_code == 429
    assert refused.json()["detail"]
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 3

    time.sleep(wait)
    assert ask().status_code == 200


# In the contract's order; each is how a question is wrong in that way.
FAULTS: dict[int, dict[str, Any]] = {
    405: {"method": "POST"},
    401: {"shown": None},
    429: {},
    400: {"query": "?limit=x"},
    409: {"transaction": "spent"},
    404: {"about": UNKNOWN},
}


def test_of_two_faults_the_contracts_first_is_told(
    ask: Ask, theirs: Authority, settings: Settings, subtests: pytest.Subtests
) -> None:
    assert ask(transaction="spent").status_code == 200
    limited(settings)
    stranger = Authority("Another").issue(NAME)

    for first, second in itertools.combinations(FAULTS, 2):
        settings.BALANCE_RATE = SLOW if 429 in (first, second) else 0
        question = {**FAULTS[first], **FAULTS[second]}
        with subtests.test(f"{first} before {second}"):
            assert ask(**question).status_code == first
        if 401 in (first, second):
            with subtests.test(f"{first} before {second}, 403 for 401"):
                answer = ask(**{**question, "shown": stranger})
                assert answer.status_code == (403 if first == 401 else first)


REFUSED_BY_PROXY: list[tuple[str, int, dict[str, Any]]] = [
    ("a long path", 414, {"url": f"/v1/sims/{'8' * 5000}/balances"}),
    ("a long query", 414, {"url": f"/v1/sims/{UNKNOWN}/balances?other={'x' * 60_000}"}),
    ("a long header", 431, {"url": "/v1/x", "headers": {"X-Long": "x" * 5000}}),
    ("many", 431, {"url": "/v1/x", "headers": {f"X-{n}": "x" * 3000 for n in range(8)}}),
    ("a long body", 413, {"url": "/v1/x", "method": "POST", "content": b"x" * 200_000}),
    ("not behind this door", 404, {"url": "/admin/"}),
    ("a problem itself", 404, {"url": "/problems/414"}),
    ("a method that is nobody's", 405, {"url": "/v1/x", "method": "TRACE"}),
]


def test_what_the_proxy_refuses_is_a_problem_document_too(
    door: Door, good: Issued, subtests: pytest.Subtests
) -> None:
    for name, status, question in REFUSED_BY_PROXY:
        with subtests.test(name), door.client(good) as client:
            answer = client.request(**{"method": "GET", **question})

            assert (answer.status_code, is_json(answer)) == (status, True)


@pytest.mark.parametrize("sent", [b"NO SUCH THING\r\n\r\n", b"GET /v1/x HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_is_told_so(door: Door, sent: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=door.authority.own.pem.decode())
    host, port = door.address.split(":")
    with (
        socket.create_connection((host, int(port))) as line,
        context.wrap_socket(line, server_hostname=HOST) as secured,
    ):
        secured.sendall(sent)
        answer = secured.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert PROBLEM.encode() in answer


def test_plain_http_is_told_so(door: Door) -> None:
    answer = httpx.get(f"http://{door.address}/v1/x", trust_env=False)

    assert (answer.status_code, is_json(answer)) == (400, True)


@pytest.mark.parametrize("days", [(-1.0, 30.0), PAST], ids=["good", "expired"])
def test_while_the_portal_is_away_the_proxy_says_so(
    theirs: Authority, tmp_path: Path, days: tuple[float, float]
) -> None:
    with (
        opened(tmp_path, f"{LOOPBACK}:{free_port()}") as door,
        door.client(theirs.issue(NAME, days=days)) as client,
    ):
        answer = client.get(f"/v1/sims/{UNKNOWN}/balances", headers={TRANSACTION: "T"})

    assert (answer.status_code, is_json(answer)) == (503, True)
    assert (answer.headers["Retry-After"], answer.headers[TRANSACTION]) == ("5", "T")


def test_the_proxys_log_names_no_sim(door: Door, ask: Ask, sim: Sim) -> None:
    forms = ("{}", "{}F", "iccid:%20{}", "{}/balances/{}", "{}?x=")
    for form in forms:
        ask("?location=US", about=form.format(sim.iccid, sim.iccid), transaction=f"T {form}")
    with door.client() as client:
        client.get(f"/{sim.iccid}?eid={sim.iccid}", headers={TRANSACTION.encode(): b"\xe9"})

    lines = door.logged()[-len(forms) - 1 :]

    assert sim.iccid not in str(lines)
    assert lines[0]["path"] == f"/v1/sims/...{sim.iccid[-4:]}/balances"
    assert [line["transaction_id"] for line in lines] == [*(f"T {form}" for form in forms), ""]
    assert (lines[0]["status"], len(lines[0]["certificate"])) == (200, 40)
