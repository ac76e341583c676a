"""The client certificate of a request, which the proxy forwards in a header.

The proxy requests a certificate, accepts any, and writes it into a header that it always
overwrites. The portal accepts that header only together with the secret that it shares
with the proxy, because a caller that bypasses the proxy can write any header.
"""

import base64
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.http import HttpRequest

from moportal.trust.certificates import MALFORMED, NotTrusted
from moportal.trust.shared_secrets import is_accepted
from moportal.trust.trust_files import InvalidTrust
from moportal.web.problems import Refused

log = structlog.get_logger(__name__)
# WSGI's names of three headers: X-Proxy-Secret; X-Client-Certificate, which holds nginx's
# $ssl_client_escaped_cert; and the standard's Client-Cert (RFC 9440, 2.1).
SECRET = "HTTP_X_PROXY_SECRET"  # noqa: S105 -- a header's name
ESCAPED_PEM = "HTTP_X_CLIENT_CERTIFICATE"
STANDARD = "HTTP_CLIENT_CERT"


class NotFromProxy(Exception):
    """The request has a certificate header, but not the proxy's secret."""


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
    unreadable. Raises `NotFromProxy`.
    """
    escaped = request.META.get(ESCAPED_PEM, "")
    standard = request.META.get(STANDARD, "")
    if not escaped and not standard:
        return b""
    if not _is_from_proxy(request.META.get(SECRET, "")):
        raise NotFromProxy
    return _unescape(escaped) if escaped else _parse_standard(standard)


def _is_from_proxy(secret: str) -> bool:
    return is_accepted(secret.encode(), "PROXY_SECRET")


# A caller sends the same certificate with every request.
_unescape = lru_cache(maxsize=256)(unquote_to_bytes)


@lru_cache(maxsize=256)
def _parse_standard(header: str) -> bytes:
    """Parse a byte sequence of structured fields (RFC 8941, 3.3.5): base64 between colons."""
    try:
        der = base64.b64decode(header.strip().removeprefix(":").removesuffix(":"), validate=True)
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    except MALFORMED:
        return header.encode(errors="replace")
