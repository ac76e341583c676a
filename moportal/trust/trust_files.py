"""Trusted certificates, expected names and pins, as PEM files that may change at any time."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

from cryptography import x509

from moportal.trust.certificates import MALFORMED, Identity, NotTrusted, Trust, Verdict, check

_REVOCATION_LIST = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


class InvalidTrust(ValueError):
    """A file of trusted certificates or revocation lists cannot be read; the message names it."""


@dataclass(frozen=True, eq=False)
class TrustFiles:
    """A `moportal.trust.certificates.Trust` in PEM files.

    A changed file takes effect at the next check.

    Instances compare by identity (eq=False), so that they are
    cheap keys of the verdict cache.
    """

    roots: Path
    intermediates: Path | None = None
    revocation_lists: Path | None = None
    names: frozenset[str] = field(default_factory=frozenset)
    pins: frozenset[str] = field(default_factory=frozenset)

    def verify(self, pem: bytes, *, at: datetime) -> Verdict:
        """Return the verdict on a certificate. Raises `InvalidTrust`."""
        result = self._check(pem, at)
        return result if isinstance(result, Verdict) else result.verify_dates(at)

    def identify(self, pem: bytes, *, at: datetime) -> str:
        """Return the expected name or pin that the certificate matches.

        A name comes before a pin, so that a renewed certificate identifies the same
        caller. Raises `NotTrusted` and `InvalidTrust`.
        """
        result = self._check(pem, at)
        if isinstance(result, Verdict):
            raise NotTrusted(result)
        verdict = result.verify_dates(at)
        if verdict is not Verdict.TRUSTED:
            raise NotTrusted(verdict)
        return result.name

    def load(self) -> Trust:
        """Return what the files hold now. Raises `InvalidTrust`."""
        return _trust(self, self._stamps())

    def _stamps(self) -> tuple["Stamp", ...]:
        files = (self.roots, self.intermediates, self.revocation_lists)
        return tuple(_stamp(file) for file in files if file)

    def _check(self, pem: bytes, at: datetime) -> "Verdict | Identity":
        """Check a certificate, or return the cached result.

        A result is cached until a file changes, and for at most a minute, so
        that an authority that expires is noticed. The certificate's own
        dates are compared at every call.
        """
        return _cached_check(pem, self, self._stamps(), int(at.timestamp()) // 60)


@cache
def trust_files(
    roots: str, intermediates: str, revoked: str, expected: frozenset[str]
) -> TrustFiles | None:
    """Return the trust that the settings describe, or None if they name no file of roots.

    `expected` holds names and pins in any mixture. The same arguments return the same instance,
    whose cached verdicts are then shared by all requests.
    """
    if not roots:
        return None
    return TrustFiles(
        roots=Path(roots),
        intermediates=Path(intermediates) if intermediates else None,
        revocation_lists=Path(revoked) if revoked else None,
        names=expected,
        # Any expected value may be a pin. Pins are compared in lower case.
        pins=frozenset(value.lower() for value in expected),
    )


# What changes when a file is replaced or edited: time of change, size, inode.
Stamp = tuple[int, int, int]


def _stamp(file: Path) -> Stamp:
    try:
        status = file.stat()
    except OSError as error:
        raise InvalidTrust(f"{file}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=64)
def _trust(files: TrustFiles, _stamps: tuple[Stamp, ...]) -> Trust:
    return Trust(
        roots=_certificates(files.roots),
        intermediates=_certificates(files.intermediates),
        revocation_lists=_revocation_lists(files.revocation_lists),
        names=files.names,
        pins=files.pins,
    )


def _certificates(file: Path | None) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes())) if file else ()
    except (OSError, *MALFORMED) as error:
        raise InvalidTrust(f"{file} contains no PEM certificates: {error}") from error


def _revocation_lists(file: Path | None) -> tuple[x509.CertificateRevocationList, ...]:
    try:
        content = file.read_bytes() if file else b""
        return tuple(x509.load_pem_x509_crl(pem) for pem in _REVOCATION_LIST.findall(content))
    except (OSError, *MALFORMED) as error:
        raise InvalidTrust(f"{file} contains no PEM revocation lists: {error}") from error


@lru_cache(maxsize=1024)
def _cached_check(
    pem: bytes, files: TrustFiles, stamps: tuple[Stamp, ...], minute: int
) -> Verdict | Identity:
    return check(pem, _trust(files, stamps), datetime.fromtimestamp(minute * 60, UTC))
