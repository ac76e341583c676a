"""Which callers are accepted: certificates, passwords, proxies (docs/contract.md#get-balance)."""

import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from esim.models import Sim
from moportal.certificates import pin
from tests.authority import FUTURE, PAST, SERVER, Authority, Issued
from tests.deploy.conftest import HOST, SECRET
from tests.deploy.get_balance.conftest import NAME, Ask, Headers, forged, is_json

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_renewed_certificate_is_the_same_caller(ask: Ask, theirs: Authority) -> None:
    assert ask(transaction="T").status_code == 200

    assert ask(transaction="T", shown=theirs.issue(NAME)).status_code == 409
