"""`moportal.certificates`: whom a certificate makes known, and why one is not believed."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import RequestFactory
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from moportal.certificates import InvalidTrust, Trust, TrustFiles, Verdict, pin, verdict
from moportal.client_certificates import forwarded_certificate
from tests.authority import CLIENT, FUTURE, PAST, SERVER, Authority, Issued

ROOT = Authority("Root")
BELOW = Authority("Below", ROOT)
STRANGE = Authority("Root")
NAME = "balance.example"
TRUST = Trust(
    roots=(ROOT.own.certificate,),
    intermediates=(BELOW.own.certificate,),
    names=frozenset({NAME}),
)
GOOD = ROOT.issue(NAME).certificate.public_bytes(Encoding.DER)


def judged(issued: Issued, trust: Trust = TRUST) -> Verdict:
    return verdict(issued.pem, trust, at=now())


@pytest.mark.parametrize("authority", [ROOT, BELOW], ids=["root", "below"])
def test_the_right_one_is_trusted_directly_and_through_an_intermediate(
    authority: Authority,
) -> None:
    assert judged(authority.issue(NAME)) == Verdict.TRUSTED


WRONG: dict[str, tuple[Callable[[], Issued], Verdict, int]] = {
    "expired": (lambda: ROOT.issue(NAME, days=PAST), Verdict.EXPIRED, 401),
    "not yet valid": (lambda: ROOT.issue(NAME, days=FUTURE), Verdict.NOT_YET_VALID, 401),
    "foreign authority of the same name": (
        lambda: STRANGE.issue(NAME),
        Verdict.UNKNOWN_ISSUER,
        403,
    ),
    "foreign and expired": (lambda: STRANGE.issue(NAME, days=PAST), Verdict.UNKNOWN_ISSUER, 403),
    "signed by itself": (lambda: Authority(NAME).own, Verdict.UNKNOWN_ISSUER, 403),
    "for servers only": (
        lambda: ROOT.issue(NAME, usages=[SERVER]),
        Verdict.NOT_FOR_CLIENTS,
        403,
    ),
    "for nothing said": (lambda: ROOT.issue(NAME, usages=[]), Verdict.NOT_FOR_CLIENTS, 403),
    "of somebody else": (lambda: ROOT.issue("other.example"), Verdict.UNEXPECTED_CALLER, 403),
    "of somebody else and expired": (
        lambda: ROOT.issue("other.example", days=PAST),
        Verdict.UNEXPECTED_CALLER,
        403,
    ),
    "issued by one that may not": (
        lambda: _below(ROOT.issue(NAME)).issue(NAME),
        Verdict.UNKNOWN_ISSUER,
        403,
    ),
}


def _below(issued: Issued) -> Authority:
    made = Authority("nobody's")
    made.own = issued
    return made


@pytest.mark.parametrize("case", WRONG)
def test_any_other_is_not(case: str) -> None:
    make, found, status = WRONG[case]

    assert judged(make()) == found
    assert found.status == status


def test_without_the_intermediate_there_is_no_way_to_the_root() -> None:
    assert judged(BELOW.issue(NAME), replace(TRUST, intermediates=())) == Verdict.UNKNOWN_ISSUER


def test_nobody_is_trusted_where_nobody_is_configured() -> None:
    assert judged(ROOT.issue(NAME), Trust(roots=())) == Verdict.UNKNOWN_ISSUER


def test_for_both_servers_and_clients_is_for_clients() -> None:
    assert judged(ROOT.issue(NAME, usages=[SERVER, CLIENT])) == Verdict.TRUSTED


def test_a_dns_name_is_as_good_as_a_common_name() -> None:
    assert judged(ROOT.issue("a client", hosts=[NAME])) == Verdict.TRUSTED


def test_a_key_may_be_expected_instead_of_a_name() -> None:
    issued = ROOT.issue("a client")
    trust = replace(TRUST, names=frozenset(), pins=frozenset({pin(issued.certificate)}))

    assert judged(issued, trust) == Verdict.TRUSTED
    assert judged(ROOT.issue("a client"), trust) == Verdict.UNEXPECTED_CALLER


def test_what_its_authority_has_revoked_is_not_trusted() -> None:
    issued, other = BELOW.issue(NAME), BELOW.issue(NAME)
    trust = replace(TRUST, revocation_lists=(BELOW.revoke(issued),))

    assert judged(issued, trust) == Verdict.REVOKED
    assert judged(other, trust) == Verdict.TRUSTED


def test_an_intermediate_may_be_revoked_too() -> None:
    trust = replace(TRUST, revocation_lists=(ROOT.revoke(BELOW.own),))

    assert judged(BELOW.issue(NAME), trust) == Verdict.REVOKED


def test_a_list_that_its_authority_did_not_sign_says_nothing() -> None:
    issued = ROOT.issue(NAME)
    trust = replace(TRUST, revocation_lists=(STRANGE.revoke(issued),))

    assert judged(issued, trust) == Verdict.TRUSTED


def test_nothing_sent_is_said_to_be_missing() -> None:
    assert verdict(b" \n", TRUST, at=now()) == Verdict.MISSING
    assert Verdict.MISSING.status == 401


@given(st.binary(min_size=1, max_size=300).filter(bytes.strip))
def test_whatever_is_sent_is_judged(sent: bytes) -> None:
    begun = b"-----BEGIN CERTIFICATE-----\n" + sent + b"\n-----END CERTIFICATE-----\n"

    assert verdict(sent, TRUST, at=now()) == Verdict.UNREADABLE
    assert verdict(begun, TRUST, at=now()) == Verdict.UNREADABLE


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_whatever_is_changed_in_a_certificate_is_noticed(at: int, bytes_: bytes) -> None:
    der = bytearray(GOOD)
    at %= len(der) - len(bytes_)
    der[at : at + len(bytes_)] = bytes_

    found = verdict(_pem(bytes(der)), TRUST, at=now())

    assert (found == Verdict.TRUSTED) == (bytes(der) == GOOD)


def test_a_version_that_there_is_none_of_is_unreadable(settings: Any) -> None:
    """Neither the form of nginx's header nor that of the standard's makes it a fault of ours."""
    settings.PROXY_SECRET = "ours"
    second = GOOD.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1)
    standard = f":{base64.b64encode(second).decode()}:"
    shown = forwarded_certificate(
        RequestFactory().get("/", headers={"Client-Cert": standard, "X-Proxy-Secret": "ours"})
    )

    assert verdict(_pem(second), TRUST, at=now()) == Verdict.UNREADABLE
    assert verdict(shown, TRUST, at=now()) == Verdict.UNREADABLE


def _pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.fixture
def files(tmp_path: Path) -> TrustFiles:
    """Return the same trust, standing in files."""
    roots, below, revoked = (tmp_path / name for name in ("roots.pem", "below.pem", "revoked.pem"))
    roots.write_bytes(STRANGE.own.pem + ROOT.own.pem)
    below.write_bytes(BELOW.own.pem)
    revoked.write_bytes(b"")
    return TrustFiles(roots, below, revoked, names=frozenset({NAME}))


def test_trust_may_stand_in_files(files: TrustFiles) -> None:
    assert files.verdict(BELOW.issue(NAME).pem, at=now()) == Verdict.TRUSTED
    assert files.verdict(Authority("else").issue(NAME).pem, at=now()) == Verdict.UNKNOWN_ISSUER


def test_a_list_that_changes_counts_from_the_next_look_on(files: TrustFiles) -> None:
    issued, revoked = BELOW.issue(NAME), files.revocation_lists
    assert revoked is not None
    assert files.verdict(issued.pem, at=now()) == Verdict.TRUSTED

    revoked.write_bytes(_list(ROOT.revoke()) + _list(BELOW.revoke(issued)))

    assert files.verdict(issued.pem, at=now()) == Verdict.REVOKED


def test_a_root_that_goes_takes_its_certificates_along(files: TrustFiles) -> None:
    issued = ROOT.issue(NAME)
    assert files.verdict(issued.pem, at=now()) == Verdict.TRUSTED

    files.roots.write_bytes(STRANGE.own.pem)

    assert files.verdict(issued.pem, at=now()) == Verdict.UNKNOWN_ISSUER


def test_what_is_remembered_expires_to_the_second(files: TrustFiles) -> None:
    issued = ROOT.issue(NAME)
    end = issued.certificate.not_valid_after_utc

    assert files.verdict(issued.pem, at=end) == Verdict.TRUSTED
    assert files.verdict(issued.pem, at=end + timedelta(seconds=1)) == Verdict.EXPIRED


@pytest.mark.parametrize("name", ["roots", "intermediates", "revocation_lists"])
def test_a_file_that_is_not_there_or_not_readable_is_named(files: TrustFiles, name: str) -> None:
    file: Path = getattr(files, name)
    file.write_bytes(b"-----BEGIN X509 CRL-----\nno\n-----END X509 CRL-----")

    with pytest.raises(InvalidTrust, match=file.name):
        files.verdict(ROOT.issue(NAME).pem, at=now())

    file.unlink()
    with pytest.raises(InvalidTrust, match=file.name):
        files.verdict(ROOT.issue(NAME).pem, at=now())


def _list(revoked: x509.CertificateRevocationList) -> bytes:
    return revoked.public_bytes(Encoding.PEM)
