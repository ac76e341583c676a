"""The client certificate of a request, which the proxy forwards in a header.

The proxy requests a certificate, accepts any, and writes it into a header that it always
overwrites. `CLIENT_CERTIFICATE_HEADER` names that header. The portal accepts it only together
with the secret that it shares with the proxy, because a caller that bypasses the proxy can write
any header.
"""

import base64
from functools import cache, lru_cache
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest

from moportal.trust.certificates import MALFORMED, NotTrusted
from moportal.trust.shared_secrets import is_accepted
from moportal.trust.trust_files import InvalidTrust
from moportal.web.problems import Refused

log = structlog.get_logger(__name__)
# WSGI's name of X-Proxy-Secret.
SECRET = "HTTP_X_PROXY_SECRET"  # noqa: S105 -- a header's name
# nginx's header and the standard's (RFC 9440, 2.1). A proxy overwrites only the one that it uses.
USUAL_HEADERS = ("X-Client-Certificate", "Client-Cert")


class NotFromProxy(Exception):
    """The request has a certificate header, but the proxy did not set it."""


# Why a certificate does not identify the caller.
CERTIFICATE_ERRORS = (NotTrusted, NotFromProxy, InvalidTrust)


def refusal_for(error: Exception) -> Refused:
    """Return the refusal that answers one of `CERTIFICATE_ERRORS`: 401, 403 or 503.

    docs/contract.md#get-balance says which status answers which error.
    """
    if isinstance(error, NotTrusted):
        return Refused(error.verdict.status, f"Access denied: {error}.")
    if isinstance(error, NotFromProxy):
        return Refused(
            HTTPStatus.FORBIDDEN, "A client certificate is accepted only if the proxy forwards it."
        )
    log.error("trusted certificates cannot be read", exc_info=error)
    detail = "Client certificates cannot be checked at the moment. Please try again later."
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail)


def forwarded_certificate(request: HttpRequest) -> bytes:
    """Return the caller's certificate in PEM, or empty bytes if the caller sent none.

    A header that cannot be decoded is returned as it is; the check then reports it as
    unreadable. Raises `NotFromProxy`, also for a usual header that is not the proxy's: the
    caller wrote it.
    """
    sent = request.META
    own, others = _wsgi_names(settings.CLIENT_CERTIFICATE_HEADER)
    if any(map(sent.get, others)):
        raise NotFromProxy
    header = sent.get(own, "")
    if not header:
        return b""
    if not _is_from_proxy(sent.get(SECRET, "")):
        raise NotFromProxy
    return _parse(header)


@cache
def _wsgi_names(header: str) -> tuple[str, tuple[str, ...]]:
    """Return WSGI's names of the proxy's header and of the usual headers that are not it."""
    own, *usual = (f"HTTP_{name.upper().replace('-', '_')}" for name in (header, *USUAL_HEADERS))
    return own, tuple(name for name in usual if name != own)


def _is_from_proxy(secret: str) -> bool:
    return is_accepted(secret.encode(), "PROXY_SECRET")


# A caller sends the same certificate with every request.
@lru_cache(maxsize=256)
def _parse(header: str) -> bytes:
    """Return the PEM of an escaped PEM (nginx) or of base64 between colons (RFC 8941, 3.3.5)."""
    # Servers join a repeated header by commas. The first certificate may be the caller's own.
    if "," in header:
        return header.encode(errors="replace")
    return _parse_standard(header) if header.startswith(":") else unquote_to_bytes(header)


def _parse_standard(header: str) -> bytes:
    try:
        der = base64.b64decode(header.strip().removeprefix(":").removesuffix(":"), validate=True)
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    except MALFORMED:
        return header.encode(errors="replace")
