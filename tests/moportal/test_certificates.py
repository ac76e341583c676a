"""`moportal.trust.certificates`: who a certificate identifies, and why one is rejected."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import RequestFactory
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from moportal.trust.certificates import Trust, Verdict, pin, verify
from moportal.trust.client_certificates import forwarded_certificate
from tests.authority import CLIENT, FUTURE, PAST, SERVER, Authority, Issued

ROOT = Authority("Root")
INTERMEDIATE = Authority("Intermediate", ROOT)
# It has the root's name and another key.
IMPOSTOR = Authority("Root")
NAME = "balance.example"
TRUST = Trust(
    roots=(ROOT.own.certificate,),
    intermediates=(INTERMEDIATE.own.certificate,),
    names=frozenset({NAME}),
)
GOOD = ROOT.issue(NAME).certificate.public_bytes(Encoding.DER)


def check(issued: Issued, trust: Trust = TRUST) -> Verdict:
    return verify(issued.pem, trust, at=now())


@pytest.mark.parametrize("authority", [ROOT, INTERMEDIATE], ids=["root", "intermediate"])
def test_a_root_and_an_intermediate_may_issue_a_trusted_certificate(
    authority: Authority,
) -> None:
    assert check(authority.issue(NAME)) == Verdict.TRUSTED


REJECTED: dict[str, tuple[Callable[[], Issued], Verdict, int]] = {
    "expired": (lambda: ROOT.issue(NAME, days=PAST), Verdict.EXPIRED, 401),
    "not yet valid": (lambda: ROOT.issue(NAME, days=FUTURE), Verdict.NOT_YET_VALID, 401),
    "foreign authority of the same name": (
        lambda: IMPOSTOR.issue(NAME),
        Verdict.UNKNOWN_ISSUER,
        403,
    ),
    "foreign and expired": (lambda: IMPOSTOR.issue(NAME, days=PAST), Verdict.UNKNOWN_ISSUER, 403),
    "self-signed": (lambda: Authority(NAME).own, Verdict.UNKNOWN_ISSUER, 403),
    "for servers only": (
        lambda: ROOT.issue(NAME, usages=[SERVER]),
        Verdict.NOT_FOR_CLIENTS,
        403,
    ),
    "for no stated purpose": (lambda: ROOT.issue(NAME, usages=[]), Verdict.NOT_FOR_CLIENTS, 403),
    "of an unexpected caller": (
        lambda: ROOT.issue("other.example"),
        Verdict.UNEXPECTED_CALLER,
        403,
    ),
    "of an unexpected caller and expired": (
        lambda: ROOT.issue("other.example", days=PAST),
        Verdict.UNEXPECTED_CALLER,
        403,
    ),
    "issued by a certificate that is no authority": (
        lambda: _as_authority(ROOT.issue(NAME)).issue(NAME),
        Verdict.UNKNOWN_ISSUER,
        403,
    ),
}


def _as_authority(issued: Issued) -> Authority:
    authority = Authority("no authority")
    authority.own = issued
    return authority


@pytest.mark.parametrize("case", REJECTED)
def test_any_other_certificate_is_rejected(case: str) -> None:
    issue, expected, status = REJECTED[case]

    assert check(issue()) == expected
    assert expected.status == status


def test_without_the_intermediate_there_is_no_chain_to_the_root() -> None:
    assert (
        check(INTERMEDIATE.issue(NAME), replace(TRUST, intermediates=())) == Verdict.UNKNOWN_ISSUER
    )


def test_without_configured_roots_nobody_is_trusted() -> None:
    assert check(ROOT.issue(NAME), Trust(roots=())) == Verdict.UNKNOWN_ISSUER


def test_a_certificate_for_servers_and_clients_is_for_clients() -> None:
    assert check(ROOT.issue(NAME, usages=[SERVER, CLIENT])) == Verdict.TRUSTED


def test_a_dns_name_is_accepted_like_a_common_name() -> None:
    assert check(ROOT.issue("a client", hosts=[NAME])) == Verdict.TRUSTED


def test_a_pinned_key_is_accepted_instead_of_a_name() -> None:
    issued = ROOT.issue("a client")
    trust = replace(TRUST, names=frozenset(), pins=frozenset({pin(issued.certificate)}))

    assert check(issued, trust) == Verdict.TRUSTED
    assert check(ROOT.issue("a client"), trust) == Verdict.UNEXPECTED_CALLER


def test_a_certificate_that_its_authority_has_revoked_is_rejected() -> None:
    issued, other = INTERMEDIATE.issue(NAME), INTERMEDIATE.issue(NAME)
    trust = replace(TRUST, revocation_lists=(INTERMEDIATE.revoke(issued),))

    assert check(issued, trust) == Verdict.REVOKED
    assert check(other, trust) == Verdict.TRUSTED


def test_a_revoked_intermediate_is_rejected() -> None:
    trust = replace(TRUST, revocation_lists=(ROOT.revoke(INTERMEDIATE.own),))

    assert check(INTERMEDIATE.issue(NAME), trust) == Verdict.REVOKED


def test_a_revocation_list_with_a_foreign_signature_has_no_effect() -> None:
    issued = ROOT.issue(NAME)
    trust = replace(TRUST, revocation_lists=(IMPOSTOR.revoke(issued),))

    assert check(issued, trust) == Verdict.TRUSTED


def test_an_empty_certificate_is_reported_as_missing() -> None:
    assert verify(b" \n", TRUST, at=now()) == Verdict.MISSING
    assert Verdict.MISSING.status == 401


@given(st.binary(min_size=1, max_size=300).filter(bytes.strip))
def test_bytes_that_are_no_certificate_are_unreadable(sent: bytes) -> None:
    framed = b"-----BEGIN CERTIFICATE-----\n" + sent + b"\n-----END CERTIFICATE-----\n"

    assert verify(sent, TRUST, at=now()) == Verdict.UNREADABLE
    assert verify(framed, TRUST, at=now()) == Verdict.UNREADABLE


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_every_change_of_a_certificate_is_noticed(position: int, replacement: bytes) -> None:
    der = bytearray(GOOD)
    start = position % (len(der) - len(replacement))
    der[start : start + len(replacement)] = replacement

    found = verify(_pem(bytes(der)), TRUST, at=now())

    assert (found == Verdict.TRUSTED) == (bytes(der) == GOOD)


def test_a_certificate_of_an_unknown_version_is_unreadable(settings: Any) -> None:
    """This holds in nginx's header and in the standard's header. Neither leads to an error 500."""
    settings.PROXY_SECRET = "ours"
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    version_2 = GOOD.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1)
    version_2_header = f":{base64.b64encode(version_2).decode()}:"
    forwarded = forwarded_certificate(
        RequestFactory().get(
            "/", headers={"Client-Cert": version_2_header, "X-Proxy-Secret": "ours"}
        )
    )

    assert verify(_pem(version_2), TRUST, at=now()) == Verdict.UNREADABLE
    assert verify(forwarded, TRUST, at=now()) == Verdict.UNREADABLE


def _pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
