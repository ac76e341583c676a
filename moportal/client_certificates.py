"""What a machine shows of itself: the client certificate that the proxy passes on.

The proxy asks for a certificate, lets every one through and puts it into a header, which it always
overwrites. That header is believed only beside the secret that the proxy shares with the portal:
whoever reaches the portal past the proxy can write a header too.
"""

import base64
import hmac
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest

from moportal.certificates import MALFORMED, InvalidTrust, NotTrusted
from moportal.problems import Refused

log = structlog.get_logger(__name__)
# As WSGI names them: X-Proxy-Secret; X-Client-Certificate, which is nginx's
# $ssl_client_escaped_cert; and the standard's Client-Cert (RFC 9440, 2.1).
SECRET = "HTTP_X_PROXY_SECRET"  # noqa: S105 -- a header's name
ESCAPED_PEM = "HTTP_X_CLIENT_CERTIFICATE"
STANDARD = "HTTP_CLIENT_CERT"


class NotFromProxy(Exception):
    """A certificate in a header that did not come through the proxy."""


# Why a caller is not made known by its certificate.
CERTIFICATE_ERRORS = (NotTrusted, NotFromProxy, InvalidTrust)


def refusal_for(error: Exception) -> Refused:
    """Return the answer to one of `CERTIFICATE_ERRORS` (docs/contract.md#get-balance)."""
    if isinstance(error, NotTrusted):
        return Refused(error.verdict.status, f"Refused: {error}.")
    if isinstance(error, NotFromProxy):
        return Refused(HTTPStatus.FORBIDDEN, "A certificate is believed from the proxy alone.")
    log.error("whom to trust cannot be read", exc_info=error)
    detail = "Whom to trust cannot be read just now: try again later."
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail)


def forwarded_certificate(request: HttpRequest) -> bytes:
    """Return the caller's certificate in PEM as it was sent; nothing where none was.

    What cannot be read comes back as it is, for the verdict to say so. Raises `NotFromProxy`.
    """
    escaped = request.META.get(ESCAPED_PEM, "")
    standard = request.META.get(STANDARD, "")
    if not escaped and not standard:
        return b""
    if not _is_from_proxy(request.META.get(SECRET, "")):
        raise NotFromProxy
    return _unescaped(escaped) if escaped else _read(standard)


def _is_from_proxy(secret: str) -> bool:
    expected = settings.PROXY_SECRET
    return bool(expected) and hmac.compare_digest(secret.encode(), expected.encode())


# A caller shows the same one each time.
_unescaped = lru_cache(maxsize=256)(unquote_to_bytes)


@lru_cache(maxsize=256)
def _read(standard: str) -> bytes:
    """Read a byte sequence of structured fields (RFC 8941, 3.3.5): base64 between colons."""
    try:
        der = base64.b64decode(standard.strip().removeprefix(":").removesuffix(":"), validate=True)
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    except MALFORMED:
        return standard.encode(errors="replace")
