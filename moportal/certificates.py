"""Client certificates: whom they make known, and why one is not believed (contract, section 5).

The proxy asks for a certificate and passes on whatever comes; what it is worth is decided here, so
that the answer is ours too. Trust comes before dates: an expired certificate of a stranger's
authority is a stranger's.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)


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


def verdict(pem: bytes, trust: Trust, *, at: datetime) -> Verdict:
    """Judge a certificate as it was sent (PEM) at a moment; never raises for what was sent."""
    if not pem.strip():
        return Verdict.MISSING
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        return _judge(leaf, trust, at)
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return Verdict.UNREADABLE


def _judge(leaf: x509.Certificate, trust: Trust, at: datetime) -> Verdict:
    # Its own dates come last; that of an authority which has run out counts as no authority.
    while_valid = min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    chain = _chain(leaf, trust, while_valid)
    if not chain:
        return Verdict.STRANGER
    if not _is_for_clients(leaf):
        return Verdict.NOT_FOR_CLIENTS
    if any(_is_revoked(one, by, trust) for one, by in pairwise(chain)):
        return Verdict.REVOKED
    if not _names(leaf) & trust.names and pin(leaf) not in trust.pins:
        return Verdict.SOMEBODY_ELSE
    if at < while_valid:
        return Verdict.NOT_YET_VALID
    return Verdict.EXPIRED if at > while_valid else Verdict.TRUSTED


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
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


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
