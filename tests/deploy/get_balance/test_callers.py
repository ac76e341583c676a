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
from moportal.trust.certificates import pin
from tests.authority import FUTURE, PAST, SERVER, Authority, Issued
from tests.deploy.conftest import HOST, SECRET
from tests.deploy.get_balance.conftest import NAME, GetBalance, Headers, forge_headers, is_json

pytestmark = pytest.mark.django_db(transaction=True)


def certificates(
    caller_authority: Authority, foreign: Authority
) -> dict[str, tuple[Issued | None, int]]:
    return {
        "none": (None, 401),
        "good": (caller_authority.issue(NAME), 200),
        "expired": (caller_authority.issue(NAME, days=PAST), 401),
        "not yet valid": (caller_authority.issue(NAME, days=FUTURE), 401),
        "foreign": (foreign.issue(NAME), 403),
        "foreign and expired": (foreign.issue(NAME, days=PAST), 403),
        "of another authority with the same name": (
            Authority(caller_authority.name).issue(NAME),
            403,
        ),
        "self-signed": (Authority(NAME).own, 403),
        "wrong subject": (caller_authority.issue("other.example"), 403),
        "wrong subject and expired": (caller_authority.issue("other.example", days=PAST), 403),
        "server only": (caller_authority.issue(NAME, usages=[SERVER]), 403),
        "for no stated purpose": (caller_authority.issue(NAME, usages=[]), 403),
        "of an intermediate that is not configured": (
            Authority("Below", caller_authority).issue(NAME),
            403,
        ),
    }


def test_each_kind_of_certificate_gets_its_status(
    get_balance: GetBalance,
    caller_authority: Authority,
    valid_certificate: Issued,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    revoked = caller_authority.issue(NAME)
    write_revocation_list(tmp_path, caller_authority, revoked)
    cases = {**certificates(caller_authority, Authority("Another")), "revoked": (revoked, 403)}

    for name, (certificate, status) in cases.items():
        for how, headers in {
            "bare": None,
            "with forged headers": forge_headers(valid_certificate),
        }.items():
            with subtests.test(f"{name}, {how}"):
                assert get_balance(certificate=certificate, headers=headers).status_code == status


def write_revocation_list(folder: Path, authority: Authority, *revoked: Issued) -> None:
    listed = authority.revoke(*revoked).public_bytes(Encoding.PEM)
    (folder / "revoked.pem").write_bytes(listed)


def test_a_certificate_of_a_configured_intermediate_is_accepted(
    get_balance: GetBalance, caller_authority: Authority, settings: Settings, tmp_path: Path
) -> None:
    below = Authority("Below", caller_authority)
    settings.BALANCE_INTERMEDIATES = str(below.own.write(tmp_path, "below")[0])

    assert get_balance(certificate=below.issue(NAME)).status_code == 200


def test_a_changed_revocation_list_takes_effect_at_once(
    get_balance: GetBalance, caller_authority: Authority, valid_certificate: Issued, tmp_path: Path
) -> None:
    assert get_balance().status_code == 200

    write_revocation_list(tmp_path, caller_authority, valid_certificate)

    assert get_balance().status_code == 403
    assert get_balance(certificate=caller_authority.issue(NAME)).status_code == 200


def test_changed_roots_take_effect_at_once(
    get_balance: GetBalance, caller_authority: Authority, roots: Path
) -> None:
    later = Authority("The caller's next authority")
    assert (get_balance().status_code, get_balance(certificate=later.issue(NAME)).status_code) == (
        200,
        403,
    )

    roots.write_bytes(caller_authority.own.pem + later.own.pem)
    assert (get_balance().status_code, get_balance(certificate=later.issue(NAME)).status_code) == (
        200,
        200,
    )

    roots.write_bytes(later.own.pem)
    assert (get_balance().status_code, get_balance(certificate=later.issue(NAME)).status_code) == (
        403,
        200,
    )


def test_unreadable_roots_are_answered_503_without_their_path(
    get_balance: GetBalance, roots: Path
) -> None:
    roots.unlink()

    answer = get_balance()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert str(roots) not in answer.text


def test_a_pinned_key_is_accepted(
    get_balance: GetBalance, caller_authority: Authority, settings: Settings
) -> None:
    pinned = caller_authority.issue("whatever it calls itself")
    settings.BALANCE_NAMES = frozenset({pin(pinned.certificate).upper()})

    assert get_balance(certificate=pinned).status_code == 200
    assert (
        get_balance(certificate=caller_authority.issue("whatever it calls itself")).status_code
        == 403
    )


@pytest.fixture
def bypass_proxy(sim: Sim, live_server: LiveServer) -> Callable[[dict[str, str]], httpx.Response]:
    """Return a function that requests balances from the portal directly, without the proxy."""
    address = f"{live_server.url}/v1/sims/{sim.iccid}/balances"

    def request(headers: dict[str, str]) -> httpx.Response:
        answer = httpx.get(address, headers={"Host": HOST, **headers}, trust_env=False)
        assert is_json(answer)
        return answer

    return request


def test_a_certificate_that_bypasses_the_proxy_is_refused(
    bypass_proxy: Callable[[dict[str, str]], httpx.Response], valid_certificate: Issued
) -> None:
    smuggled = dict(forge_headers(valid_certificate))

    assert bypass_proxy({}).status_code == 401
    for secret in ("", "guessed", SECRET.upper(), f"{SECRET},{SECRET}", f"{SECRET} x"):
        assert bypass_proxy({**smuggled, "X-Proxy-Secret": secret}).status_code == 403
    del smuggled["X-Proxy-Secret"]
    assert bypass_proxy(smuggled).status_code == 403


def test_a_proxy_may_use_the_standards_header(
    bypass_proxy: Callable[[dict[str, str]], httpx.Response],
    valid_certificate: Issued,
    settings: Settings,
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    coded = base64.b64encode(valid_certificate.certificate.public_bytes(Encoding.DER)).decode()

    assert bypass_proxy({"Client-Cert": f":{coded}:", "X-Proxy-Secret": SECRET}).status_code == 200


def basic(credentials: str, scheme: str = "Basic") -> Headers:
    encoded = base64.b64encode(credentials.encode()).decode()
    return {"Authorization": f"{scheme} {encoded}"}


PASSWORDS: list[tuple[str, Headers, int]] = [
    ("right", basic("caller:sesam:öffne"), 200),
    ("right, in lower case", basic("caller:sesam:öffne", "basic"), 200),
    ("right, in upper case", basic("caller:sesam:öffne", "BASIC"), 200),
    ("incomplete", basic("caller:sesam"), 401),
    ("in the wrong case", basic("Caller:sesam:öffne"), 401),
    ("of another scheme", basic("caller:sesam:öffne", "Bearer"), 401),
    ("empty", {"Authorization": "Basic"}, 401),
    ("not base64", {"Authorization": "Basic not base64!"}, 401),
    ("missing", {}, 401),
]


def test_a_configured_password_is_required_as_well(
    get_balance: GetBalance, settings: Settings, subtests: pytest.Subtests
) -> None:
    settings.BALANCE_CREDENTIALS = "caller:sesam:öffne"

    for name, headers, status in PASSWORDS:
        with subtests.test(name):
            answer = get_balance(headers=headers)

            assert answer.status_code == status
            challenge = answer.headers.get("WWW-Authenticate", "")
            assert challenge.startswith("Basic") == (status == 401)


def test_a_password_does_not_replace_a_certificate(
    get_balance: GetBalance, caller_authority: Authority, settings: Settings
) -> None:
    settings.BALANCE_CREDENTIALS = "caller:sesam"

    for certificate, status in certificates(caller_authority, Authority("Another")).values():
        assert (
            get_balance(certificate=certificate, headers=basic("caller:sesam")).status_code
            == status
        )


def test_a_renewed_certificate_identifies_the_same_caller(
    get_balance: GetBalance, caller_authority: Authority
) -> None:
    assert get_balance(transaction="T").status_code == 200

    assert get_balance(transaction="T", certificate=caller_authority.issue(NAME)).status_code == 409
