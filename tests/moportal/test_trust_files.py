"""`moportal.trust.trust_files`: trusted certificates are in files, and changes take effect."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.timezone import now

from moportal.trust.certificates import Verdict
from moportal.trust.trust_files import InvalidTrust, TrustFiles
from tests.authority import Authority
from tests.moportal.test_certificates import IMPOSTOR, INTERMEDIATE, NAME, ROOT


@pytest.fixture
def files(tmp_path: Path) -> TrustFiles:
    """Return files of the trust that `test_certificates` uses."""
    roots, below, revoked = (tmp_path / name for name in ("roots.pem", "below.pem", "revoked.pem"))
    roots.write_bytes(IMPOSTOR.own.pem + ROOT.own.pem)
    below.write_bytes(INTERMEDIATE.own.pem)
    revoked.write_bytes(b"")
    return TrustFiles(roots, below, revoked, names=frozenset({NAME}))


def test_trusted_certificates_are_read_from_files(files: TrustFiles) -> None:
    assert files.verify(INTERMEDIATE.issue(NAME).pem, at=now()) == Verdict.TRUSTED
    assert files.verify(Authority("else").issue(NAME).pem, at=now()) == Verdict.UNKNOWN_ISSUER


def test_a_changed_revocation_list_takes_effect_at_the_next_check(files: TrustFiles) -> None:
    issued, revoked = INTERMEDIATE.issue(NAME), files.revocation_lists
    assert revoked is not None
    assert files.verify(issued.pem, at=now()) == Verdict.TRUSTED

    revoked.write_bytes(_pem(ROOT.revoke()) + _pem(INTERMEDIATE.revoke(issued)))

    assert files.verify(issued.pem, at=now()) == Verdict.REVOKED


def test_a_removed_root_is_no_longer_trusted(files: TrustFiles) -> None:
    issued = ROOT.issue(NAME)
    assert files.verify(issued.pem, at=now()) == Verdict.TRUSTED

    files.roots.write_bytes(IMPOSTOR.own.pem)

    assert files.verify(issued.pem, at=now()) == Verdict.UNKNOWN_ISSUER


def test_a_cached_certificate_expires_to_the_second(files: TrustFiles) -> None:
    issued = ROOT.issue(NAME)
    end = issued.certificate.not_valid_after_utc

    assert files.verify(issued.pem, at=end) == Verdict.TRUSTED
    assert files.verify(issued.pem, at=end + timedelta(seconds=1)) == Verdict.EXPIRED


@pytest.mark.parametrize("name", ["roots", "intermediates", "revocation_lists"])
def test_a_missing_or_unreadable_file_is_named(files: TrustFiles, name: str) -> None:
    file: Path = getattr(files, name)
    file.write_bytes(b"-----BEGIN X509 CRL-----\nno\n-----END X509 CRL-----")

    with pytest.raises(InvalidTrust, match=file.name):
        files.verify(ROOT.issue(NAME).pem, at=now())

    file.unlink()
    with pytest.raises(InvalidTrust, match=file.name):
        files.verify(ROOT.issue(NAME).pem, at=now())


def _pem(revoked: x509.CertificateRevocationList) -> bytes:
    return revoked.public_bytes(Encoding.PEM)
