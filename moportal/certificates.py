"""Client certificates: whom they make known, and why one is not believed (contract, section 5).

The proxy asks for a certificate and passes on whatever comes; what it is worth is decided here, so
that the answer is ours too. Trust comes before dates: an expired certificate of a stranger's
authority is a stranger's.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

_LIST = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)

# What reading a certificate raises, beside ValueError, when it says what none may or nobody knows.
MALFORMED = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "client authentication",
    ExtendedKeyUsageOID.SERVER_AUTH: "server authentication",
}


class Verdict(Enum):
    """What a certificate is worth, and the HTTP status that says so."""

    TRUSTED = HTTPStatus.OK, "trusted"
    MISSING = HTTPStatus.UNAUTHORIZED, "no client certificate was sent"
    NOT_YET_VALID = HTTPStatus.UNAUTHORIZED, "the certificate is not valid yet"
    EXPIRED = HTTPStatus.UNAUTHORIZED, "the certificate has expired"
    UNREADABLE = HTTPStatus.FORBIDDEN, "what was sent is not a certificate"
    STRANGER = HTTPStatus.FORBIDDEN, "no authority that is trusted here has issued it"
    NOT_FOR_CLIENTS = HTTPStatus.FORBIDDEN, "it is not meant for client authentication"
    REVOKED = HTTPStatus.FORBIDDEN, "it was revoked"
    SOMEBODY_ELSE = HTTPStatus.FORBIDDEN, "neither its subject nor its key is one of those expected"

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        self.status, self.reason = status, reason


class NotTrusted(Exception):
    """The certificate makes nobody known; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class InvalidTrust(ValueError):
    """The certificates or lists to trust cannot be read; the message names the file."""


@dataclass(frozen=True)
class Trust:
    """Whom to believe: authorities, what they have revoked, and the names or keys expected.

    Intermediates stand beside the roots. A name is a certificate's common name or one of its DNS
    names; a pin is the SHA-256 of its public key (SubjectPublicKeyInfo, DER) in hexadecimal.
    """

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)
    pins: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, eq=False)
class TrustFiles:
    """The same, standing in PEM files; a file that changes counts from the next look on.

    Each is its own, which makes it quick to look up what was thought by it.
    """

    roots: Path
    intermediates: Path | None = None
    revocation_lists: Path | None = None
    names: frozenset[str] = field(default_factory=frozenset)
    pins: frozenset[str] = field(default_factory=frozenset)

    def verdict(self, pem: bytes, *, at: datetime) -> Verdict:
        """Judge a certificate, or remember what was thought of it; raises `InvalidTrust`."""
        found = self._look(pem, at)
        return found if isinstance(found, Verdict) else found.at(at)

    def known_as(self, pem: bytes, *, at: datetime) -> str:
        """Return the name or pin expected that makes the certificate's owner known.

        A renewed certificate has its owner's name. Raises `NotTrusted` and `InvalidTrust`.
        """
        found = self._look(pem, at)
        if isinstance(found, Verdict):
            raise NotTrusted(found)
        verdict = found.at(at)
        if verdict is not Verdict.TRUSTED:
            raise NotTrusted(verdict)
        return found.name

    def read(self) -> Trust:
        """Return what stands in the files now; raises `InvalidTrust`."""
        return _trust(self, self._stamps())

    def _stamps(self) -> tuple["Stamp", ...]:
        files = (self.roots, self.intermediates, self.revocation_lists)
        return tuple(_stamp(file) for file in files if file)

    def _look(self, pem: bytes, at: datetime) -> "Verdict | Dated":
        """Remember what was thought of a certificate.

        It is forgotten with a change of the files, and after a minute, so that an authority that
        has run out is noticed; the certificate's own dates are read each time.
        """
        return _remembered(pem, self, self._stamps(), int(at.timestamp()) // 60)


@cache
def trust_files(
    roots: str, intermediates: str, revoked: str, expected: frozenset[str]
) -> TrustFiles | None:
    """Return whom to believe as settings name it, or None where no file of roots is named.

    What is expected are names or pins, as they come.
    """
    if not roots:
        return None
    return TrustFiles(
        roots=Path(roots),
        intermediates=Path(intermediates) if intermediates else None,
        revocation_lists=Path(revoked) if revoked else None,
        names=expected,
        pins=frozenset(name.lower() for name in expected),
    )


Stamp = tuple[int, int, int]


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError as error:
        raise InvalidTrust(f"{file}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=64)
def _trust(files: TrustFiles, _stamps: tuple[Stamp, ...]) -> Trust:
    return Trust(
        roots=_certificates(files.roots),
        intermediates=_certificates(files.intermediates),
        revocation_lists=_lists(files.revocation_lists),
        names=files.names,
        pins=files.pins,
    )


def _certificates(file: Path | None) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes())) if file else ()
    except (OSError, *MALFORMED) as error:
        raise InvalidTrust(f"{file} holds no certificates in PEM: {error}") from error


def _lists(file: Path | None) -> tuple[x509.CertificateRevocationList, ...]:
    try:
        text = file.read_bytes() if file else b""
        return tuple(x509.load_pem_x509_crl(one) for one in _LIST.findall(text))
    except (OSError, *MALFORMED) as error:
        raise InvalidTrust(f"{file} holds no revocation lists in PEM: {error}") from error


@dataclass(frozen=True)
class Dated:
    """Who is trusted between two moments."""

    name: str
    since: datetime
    until: datetime

    def at(self, moment: datetime) -> Verdict:
        if moment < self.since:
            return Verdict.NOT_YET_VALID
        return Verdict.EXPIRED if moment > self.until else Verdict.TRUSTED


@lru_cache(maxsize=1024)
def _remembered(
    pem: bytes, files: TrustFiles, stamps: tuple[Stamp, ...], minute: int
) -> Verdict | Dated:
    return _thought_of(pem, _trust(files, stamps), datetime.fromtimestamp(minute * 60, UTC))


def verdict(pem: bytes, trust: Trust, *, at: datetime) -> Verdict:
    """Judge a certificate as it was sent (PEM) at a moment; never raises for what was sent."""
    found = _thought_of(pem, trust, at)
    return found if isinstance(found, Verdict) else found.at(at)


def explain(pem: bytes, trust: Trust, *, at: datetime) -> list[tuple[str, str]]:
    """Return what led to the verdict: facts of the certificate and of whom is trusted, by name.

    Nothing where it cannot be read. It decides nothing: `verdict` does.
    """
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        return [*_facts(leaf), ("chain", _way(leaf, trust, at)), *_expected(trust)]
    except MALFORMED:
        return []


def _facts(leaf: x509.Certificate) -> list[tuple[str, str]]:
    return [
        ("subject", leaf.subject.rfc4514_string()),
        ("names", ", ".join(sorted(_names(leaf)))),
        ("pin", pin(leaf)),
        ("serial", f"{leaf.serial_number:x}"),
        ("valid from", f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"),
        ("valid until", f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"),
        ("meant for", _purposes(leaf) or "nothing said"),
        ("issuer", leaf.issuer.rfc4514_string()),
    ]


def _purposes(leaf: x509.Certificate) -> str:
    return ", ".join(_PURPOSES.get(usage, usage.dotted_string) for usage in _usages(leaf))


def _way(leaf: x509.Certificate, trust: Trust, at: datetime) -> str:
    chain = _chain(leaf, trust, _while_valid(leaf, at))
    return " < ".join(one.subject.rfc4514_string() for one in chain) or "none found"


def _expected(trust: Trust) -> list[tuple[str, str]]:
    return [
        *(("root", _authority(one)) for one in trust.roots),
        *(("intermediate", _authority(one)) for one in trust.intermediates),
        *(("revocation list", _listed(one)) for one in trust.revocation_lists),
        ("expected", ", ".join(sorted(trust.names)) or "nobody"),
    ]


def _authority(one: x509.Certificate) -> str:
    return f"{one.subject.rfc4514_string()}, until {one.not_valid_after_utc:%Y-%m-%d}"


def _listed(one: x509.CertificateRevocationList) -> str:
    return f"{one.issuer.rfc4514_string()}, {len(one)} revoked, of {one.last_update_utc:%Y-%m-%d}"


def _thought_of(pem: bytes, trust: Trust, at: datetime) -> Verdict | Dated:
    if not pem.strip():
        return Verdict.MISSING
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        return _judge(leaf, trust, at)
    except MALFORMED:
        return Verdict.UNREADABLE


def _judge(leaf: x509.Certificate, trust: Trust, at: datetime) -> Verdict | Dated:
    chain = _chain(leaf, trust, _while_valid(leaf, at))
    if not chain:
        return Verdict.STRANGER
    if not _is_for_clients(leaf):
        return Verdict.NOT_FOR_CLIENTS
    if any(_is_revoked(one, by, trust) for one, by in pairwise(chain)):
        return Verdict.REVOKED
    expected = sorted(_names(leaf) & trust.names) + sorted({pin(leaf)} & trust.pins)
    if not expected:
        return Verdict.SOMEBODY_ELSE
    return Dated(expected[0], leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _while_valid(leaf: x509.Certificate, at: datetime) -> datetime:
    """Its own dates come last; that of an authority which has run out counts as no authority."""
    return min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)


def _chain(leaf: x509.Certificate, trust: Trust, at: datetime) -> list[x509.Certificate]:
    """Return the way from the certificate to a root; nothing where there is none."""
    if not trust.roots:
        return []
    policy = (
        PolicyBuilder()
        .store(Store(list(trust.roots)))
        .time(at)
        .extension_policies(
            # The Web's own rules for a site's name mean nothing for a client.
            ca_policy=ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=ExtensionPolicy.permit_all(),
        )
    )
    try:
        return policy.build_client_verifier().verify(leaf, list(trust.intermediates)).chain
    except VerificationError:
        return []


def _is_for_clients(leaf: x509.Certificate) -> bool:
    """Say whether it is said to be for client authentication; silence is not enough."""
    return ExtendedKeyUsageOID.CLIENT_AUTH in _usages(leaf)


def _usages(leaf: x509.Certificate) -> Iterable[x509.ObjectIdentifier]:
    try:
        return leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()


def _is_revoked(one: x509.Certificate, issuer: x509.Certificate, trust: Trust) -> bool:
    """Say whether a list signed by the issuer names it; what is revoked stays so."""
    return any(
        found.get_revoked_certificate_by_serial_number(one.serial_number) is not None
        for found in trust.revocation_lists
        if found.issuer == issuer.subject and _is_signed_by(found, issuer)
    )


def _is_signed_by(revoked: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return revoked.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # any key but those no list is signed with
    except (InvalidSignature, TypeError):
        return False


def _names(leaf: x509.Certificate) -> set[str]:
    common = {
        str(found.value) for found in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    }
    try:
        other = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return common
    return common | set(other.get_values_for_type(x509.DNSName))


def pin(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the public key (SubjectPublicKeyInfo, DER) in hexadecimal."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()
