"""Client-certificate checks: who a certificate identifies, and why one is rejected.

The proxy requests a client certificate and forwards whatever the caller sends.
The portal makes the check itself, so that a caller whose certificate is
rejected gets an answer that says why.

The issuer is checked before the dates. An expired certificate of an unknown authority is
therefore refused for its issuer. Source of the statuses: docs/contract.md#get-balance.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from itertools import pairwise

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

# What cryptography raises for a certificate that is malformed or uses something unknown.
MALFORMED = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_USAGE_NAMES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "client authentication",
    ExtendedKeyUsageOID.SERVER_AUTH: "server authentication",
}


class Verdict(Enum):
    """The result of a check, with its HTTP status and the reason in words."""

    TRUSTED = HTTPStatus.OK, "trusted"
    MISSING = HTTPStatus.UNAUTHORIZED, "no client certificate was sent"
    NOT_YET_VALID = HTTPStatus.UNAUTHORIZED, "the certificate is not valid yet"
    EXPIRED = HTTPStatus.UNAUTHORIZED, "the certificate has expired"
    UNREADABLE = HTTPStatus.FORBIDDEN, "the certificate cannot be read"
    UNKNOWN_ISSUER = HTTPStatus.FORBIDDEN, "no trusted authority issued the certificate"
    NOT_FOR_CLIENTS = HTTPStatus.FORBIDDEN, "the certificate is not for client authentication"
    REVOKED = HTTPStatus.FORBIDDEN, "the certificate has been revoked"
    UNEXPECTED_CALLER = (
        HTTPStatus.FORBIDDEN,
        "the certificate's name and key are not on the list of allowed callers",
    )

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        self.status, self.reason = status, reason


class NotTrusted(Exception):
    """The certificate is rejected; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


@dataclass(frozen=True)
class Trust:
    """Who is trusted: authorities, what they have revoked, and the expected names and keys.

    A name matches a certificate's common name or one of its DNS names. A pin is the
    SHA-256 of a public key (SubjectPublicKeyInfo, DER) in hexadecimal.
    """

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)
    pins: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Identity:
    """The expected name or pin that a certificate matches, and the certificate's own dates."""

    name: str
    since: datetime
    until: datetime

    def verify_dates(self, at: datetime) -> Verdict:
        if at < self.since:
            return Verdict.NOT_YET_VALID
        return Verdict.EXPIRED if at > self.until else Verdict.TRUSTED


def verify(pem: bytes, trust: Trust, *, at: datetime) -> Verdict:
    """Return the verdict on a certificate as it was sent (PEM). No input raises an error."""
    result = check(pem, trust, at)
    return result if isinstance(result, Verdict) else result.verify_dates(at)


def explain(pem: bytes, trust: Trust, *, at: datetime) -> list[tuple[str, str]]:
    """Return what led to the verdict, as pairs of name and value, for staff to read.

    The pairs describe the certificate and the trusted authorities. The list is empty if
    the certificate cannot be read.
    """
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        return [
            *_describe_certificate(leaf),
            ("chain", _describe_chain(leaf, trust, at)),
            *_describe_trust(trust),
        ]
    except MALFORMED:
        return []


def _describe_certificate(leaf: x509.Certificate) -> list[tuple[str, str]]:
    return [
        ("subject", leaf.subject.rfc4514_string()),
        ("names", ", ".join(sorted(_names(leaf)))),
        ("pin", pin(leaf)),
        ("serial", f"{leaf.serial_number:x}"),
        ("valid from", f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"),
        ("valid until", f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"),
        ("meant for", _purposes(leaf) or "not stated"),
        ("issuer", leaf.issuer.rfc4514_string()),
    ]


def _purposes(leaf: x509.Certificate) -> str:
    return ", ".join(_USAGE_NAMES.get(usage, usage.dotted_string) for usage in _usages(leaf))


def _describe_chain(leaf: x509.Certificate, trust: Trust, at: datetime) -> str:
    chain = _chain(leaf, trust, _time_within_validity(leaf, at))
    return " < ".join(link.subject.rfc4514_string() for link in chain) or "none found"


def _describe_trust(trust: Trust) -> list[tuple[str, str]]:
    return [
        *(("root", _describe_authority(root)) for root in trust.roots),
        *(("intermediate", _describe_authority(between)) for between in trust.intermediates),
        *(("revocation list", _describe_list(listed)) for listed in trust.revocation_lists),
        ("expected", ", ".join(sorted(trust.names)) or "nobody"),
    ]


def _describe_authority(authority: x509.Certificate) -> str:
    return f"{authority.subject.rfc4514_string()}, until {authority.not_valid_after_utc:%Y-%m-%d}"


def _describe_list(listed: x509.CertificateRevocationList) -> str:
    issuer, updated = listed.issuer.rfc4514_string(), listed.last_update_utc
    return f"{issuer}, {len(listed)} revoked, of {updated:%Y-%m-%d}"


def check(pem: bytes, trust: Trust, at: datetime) -> Verdict | Identity:
    """Return the identity that a certificate matches, or the verdict that rejects it.

    The certificate's own dates are not checked here, so that a caller may cache the result:
    `Identity.verify_dates` checks them for the moment of each request.
    """
    if not pem.strip():
        return Verdict.MISSING
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        return _check_parsed(leaf, trust, at)
    except MALFORMED:
        return Verdict.UNREADABLE


def _check_parsed(leaf: x509.Certificate, trust: Trust, at: datetime) -> Verdict | Identity:
    chain = _chain(leaf, trust, _time_within_validity(leaf, at))
    if not chain:
        return Verdict.UNKNOWN_ISSUER
    if not _is_for_clients(leaf):
        return Verdict.NOT_FOR_CLIENTS
    if any(_is_revoked(link, issuer, trust) for link, issuer in pairwise(chain)):
        return Verdict.REVOKED
    # Names come before pins, so that a renewed certificate gives the same identity.
    matches = sorted(_names(leaf) & trust.names) + sorted({pin(leaf)} & trust.pins)
    if not matches:
        return Verdict.UNEXPECTED_CALLER
    return Identity(matches[0], leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _time_within_validity(leaf: x509.Certificate, at: datetime) -> datetime:
    """Return the time at which to verify the chain: `at`, moved into the leaf's own validity.

    At any other time the verifier would find no chain, and an expired leaf would be
    reported as one of an unknown authority. `Identity` checks the leaf's dates, last.
    """
    return min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)


def _chain(leaf: x509.Certificate, trust: Trust, at: datetime) -> list[x509.Certificate]:
    """Return the chain from the certificate to a root, or an empty list if there is none."""
    if not trust.roots:
        return []
    policy = (
        PolicyBuilder()
        .store(Store(list(trust.roots)))
        .time(at)
        .extension_policies(
            # The Web PKI's rules for host names do not apply to a client's certificate.
            ca_policy=ExtensionPolicy.webpki_defaults_ca(),
            ee_policy=ExtensionPolicy.permit_all(),
        )
    )
    try:
        return policy.build_client_verifier().verify(leaf, list(trust.intermediates)).chain
    except VerificationError:
        return []


def _is_for_clients(leaf: x509.Certificate) -> bool:
    """Return whether the certificate states client authentication as a purpose."""
    return ExtendedKeyUsageOID.CLIENT_AUTH in _usages(leaf)


def _usages(leaf: x509.Certificate) -> Iterable[x509.ObjectIdentifier]:
    try:
        return leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()


def _is_revoked(certificate: x509.Certificate, issuer: x509.Certificate, trust: Trust) -> bool:
    """Return whether a list signed by the issuer revokes the certificate.

    The list's own dates do not matter: a revocation is final.
    """
    return any(
        listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
        for listed in trust.revocation_lists
        if listed.issuer == issuer.subject and _is_signed_by(listed, issuer)
    )


def _is_signed_by(listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return listed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # a key type that cannot sign a list raises TypeError
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
