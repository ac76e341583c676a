"""Authentication of API callers: a client certificate and perhaps a password, or a bearer token.

Missing or expired credentials are answered with 401, untrusted ones with 403
(docs/contract.md#get-balance).
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from django.conf import settings
from django.utils.timezone import now
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from moportal.trust.certificates import NotTrusted, Verdict
from moportal.trust.client_certificates import (
    CERTIFICATE_ERRORS,
    forwarded_certificate,
    refusal_for,
)
from moportal.trust.shared_secrets import is_accepted
from moportal.trust.trust_files import TrustFiles, trust_files
from moportal.web.problems import Refused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated system, identified by its name."""

    name: str


# The demo asks for no certificates, so all its callers are one.
ANYBODY = Caller("anybody")


class ClientCertificate(BaseAuthentication):
    """Identifies the caller by its client certificate, and checks its password if one is set.

    Raises `moportal.web.problems.Refused`.
    """

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        try:
            caller = ANYBODY if settings.API_WITHOUT_CERTIFICATE else self._certified(request)
            self._check_password(request)
        except Refused as refused:
            log.warning("caller refused", status=refused.status_code, reason=str(refused.detail))
            raise
        return caller, None

    def _certified(self, request: Request) -> Caller:
        try:
            certificate = forwarded_certificate(request._request)  # noqa: SLF001 -- where DRF keeps Django's request
            if not certificate:
                raise NotTrusted(Verdict.MISSING)
            trust = trusted_callers()
            if trust is None:
                raise NotTrusted(Verdict.UNEXPECTED_CALLER)
            return Caller(trust.identify(certificate, at=now()))
        except CERTIFICATE_ERRORS as error:
            raise refusal_for(error) from error

    def _check_password(self, request: Request) -> None:
        is_set = bool(settings.BALANCE_CREDENTIALS)
        if is_set and not _has_password(request.META.get("HTTP_AUTHORIZATION", "")):
            detail = "The user name or password (HTTP Basic) is missing or wrong."
            raise Refused(HTTPStatus.UNAUTHORIZED, detail, challenge='Basic realm="Get Balance"')


class BearerToken(BaseAuthentication):
    """Identifies a charging system by its token. Raises `moportal.web.problems.Refused`."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        scheme, _space, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        token = sent.strip().encode("utf-8", errors="replace")
        # Every token is compared, so the response time does not reveal which token is similar.
        names = [
            name
            for name, expected in settings.USAGE_TOKENS
            if hmac.compare_digest(token, expected.encode())
        ]
        if scheme.lower() != "bearer" or not names:
            detail = "The bearer token is missing or wrong."
            log.warning("caller refused", status=401, reason=detail)
            raise Refused(HTTPStatus.UNAUTHORIZED, detail, challenge="Bearer")
        return Caller(str(names[0])), None


def trusted_callers() -> TrustFiles | None:
    """Return the trust files from the settings, or None if no authority is set."""
    return trust_files(
        settings.BALANCE_CA,
        settings.BALANCE_INTERMEDIATES,
        settings.BALANCE_REVOKED,
        settings.BALANCE_NAMES,
    )


def _has_password(authorization: str) -> bool:
    """Return whether the header holds an accepted `user:password` (RFC 7617)."""
    scheme, _space, encoded = authorization.partition(" ")
    try:
        sent = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and is_accepted(sent, "BALANCE_CREDENTIALS")
