"""Who asks for balances: a client certificate, and a password beside it where one is set.

Contract, section 5: 401 for what is missing or out of date, 403 for what is not trusted.
"""

import base64
import binascii
import hmac
from datetime import datetime
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest

from moportal.certificates import NotTrusted, Verdict
from moportal.client_certificates import CERTIFICATE_ERRORS, forwarded_certificate, refusal_for
from moportal.problems import Refused
from moportal.trust_files import TrustFiles, trust_files

log = structlog.get_logger(__name__)
# The one caller where certificates are not asked for, which is in the demo.
ANYBODY = "anybody"


def caller_of(request: HttpRequest, *, at: datetime) -> str:
    """Return who calls: the name or pin by which the certificate is known.

    Raises `moportal.problems.Refused`.
    """
    try:
        name = ANYBODY if settings.API_WITHOUT_CERTIFICATE else _certified(request, at)
        _check_password(request)
    except Refused as refused:
        log.warning("caller refused", status=refused.status_code, reason=str(refused.detail))
        raise
    return name


def _check_password(request: HttpRequest) -> None:
    expected = settings.BALANCE_CREDENTIALS
    if expected and not _are_right(request.META.get("HTTP_AUTHORIZATION", ""), expected):
        detail = "The user name and password (Basic) are missing or wrong."
        raise Refused(HTTPStatus.UNAUTHORIZED, detail, challenge='Basic realm="Get Balance"')


def _certified(request: HttpRequest, at: datetime) -> str:
    try:
        shown = forwarded_certificate(request)
        if not shown:
            raise NotTrusted(Verdict.MISSING)
        expected = expected_callers()
        if expected is None:
            raise NotTrusted(Verdict.UNKNOWN_ISSUER)
        return expected.identify(shown, at=at)
    except CERTIFICATE_ERRORS as error:
        raise refusal_for(error) from error


def expected_callers() -> TrustFiles | None:
    """Return whom to believe, as the settings name it, or None where nobody has said."""
    return trust_files(
        settings.BALANCE_CA,
        settings.BALANCE_INTERMEDIATES,
        settings.BALANCE_REVOKED,
        settings.BALANCE_NAMES,
    )


def _are_right(sent: str, expected: str) -> bool:
    """Compare `user:password` in a time that says nothing of it (RFC 7617)."""
    scheme, _space, coded = sent.partition(" ")
    try:
        told = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(told, expected.encode())
