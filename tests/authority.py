"""A certificate authority for tests, which issues and revokes certificates."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils.timezone import now

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
DAY = dt.timedelta(days=1)
# Validity in days from now: of an expired certificate, and of one that is not valid yet.
PAST, FUTURE = (-9.0, -1.0), (1.0, 9.0)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write certificate and key as PEM files, and return both paths."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key


@dataclass
class Authority:
    """A root authority, or one that is certified by `above`."""

    name: str
    above: "Authority | None" = None
    own: Issued = field(init=False)

    def __post_init__(self) -> None:
        self.own = _build(
            self.name,
            self.above.own if self.above else None,
            is_authority=True,
            # The authority is valid longer than every certificate that it issues.
            days=(-2, 60),
        )

    def issue(
        self,
        name: str,
        *,
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        days: tuple[float, float] = (-1, 30),
        hosts: Sequence[str] = (),
    ) -> Issued:
        """Issue a certificate. `days` are its first and last day, counted from now."""
        return _build(name, self.own, usages=usages, days=days, hosts=hosts)

    def revoke(self, *issued: Issued) -> x509.CertificateRevocationList:
        """Return this authority's revocation list with these certificates."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.own.certificate.subject)
            .last_update(now() - DAY)
            .next_update(now() + DAY)
        )
        for one in issued:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now()).build())
        return builder.sign(self.own.key, hashes.SHA256())


def _build(
    name: str,
    by: Issued | None,
    *,
    is_authority: bool = False,
    usages: Sequence[x509.ObjectIdentifier] = (),
    days: tuple[float, float] = (-1, 30),
    hosts: Sequence[str] = (),
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = by or Issued(None, key)  # type: ignore[arg-type]  # a root signs itself
    authority = issuer.key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() + days[0] * DAY)
        .not_valid_after(now() + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False
        )
    )
    if is_authority:
        builder = builder.add_extension(_issuer_key_usage(), critical=True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
        )
    return Issued(builder.sign(issuer.key, hashes.SHA256()), key)


def _host(host: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)


def _issuer_key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
