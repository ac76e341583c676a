"""One-time codes by CAMARA One Time Password SMS (docs/numbers.md#apis)."""

import re
from collections.abc import Mapping
from typing import Any

import httpx
from django.conf import settings

from accounts import camara
from accounts.camara import Answer
from accounts.code_services.base import CodeRefused, CodeServiceUnavailable, ServiceRefusal
from moportal.http_client import check_address

SENDING = {
    "MAX_OTP_CODES_EXCEEDED": ServiceRefusal.TOO_MANY,
    "PHONE_NUMBER_NOT_ALLOWED": ServiceRefusal.NOT_ALLOWED,
    "PHONE_NUMBER_BLOCKED": ServiceRefusal.BLOCKED,
    # The number belongs to another operator.
    "NOT_FOUND": ServiceRefusal.NOT_ALLOWED,
}
CHECKING = {
    "INVALID_OTP": ServiceRefusal.WRONG,
    "VERIFICATION_FAILED": ServiceRefusal.FAILED,
    "VERIFICATION_EXPIRED": ServiceRefusal.EXPIRED,
    # The service has forgotten the sending.
    "NOT_FOUND": ServiceRefusal.EXPIRED,
}
# A database cannot store NUL.
IDENTIFIER = re.compile(r"[^\0]{1,36}", re.DOTALL)


class OneTimePasswordSms:
    """`POST` of ONE_TIME_PASSWORD_URL/send-code and /validate-code."""

    def send_code(self, number: str, message: str) -> str:
        """Send a new code and return its authenticationId."""
        answer = _post("send-code", {"phoneNumber": number, "message": message}, SENDING)
        identifier = answer.body.get("authenticationId")
        is_identifier = isinstance(identifier, str) and IDENTIFIER.fullmatch(identifier)
        if answer.status != httpx.codes.OK or not is_identifier:
            raise CodeServiceUnavailable(f"HTTP {answer.status} without an authenticationId")
        return str(identifier)

    def check_code(self, identifier: str, code: str) -> None:
        """Return if this is the code of this authenticationId."""
        answer = _post("validate-code", {"authenticationId": identifier, "code": code}, CHECKING)
        # Any other success is not the answer of this API, so it proves nothing.
        if answer.status != httpx.codes.NO_CONTENT:
            raise CodeServiceUnavailable(f"HTTP {answer.status} instead of 204")


def _post(
    operation: str, content: Mapping[str, Any], reasons: Mapping[str, ServiceRefusal]
) -> Answer:
    base = check_address(settings.ONE_TIME_PASSWORD_URL, name="ONE_TIME_PASSWORD_URL")
    answer = camara.post(
        f"{base}/{operation}",
        content,
        unavailable=CodeServiceUnavailable,
        refusals=frozenset(reasons),
    )
    if httpx.codes.is_client_error(answer.status):
        reason = reasons.get(answer.error, ServiceRefusal.MALFORMED)
        raise CodeRefused(reason, f"HTTP {answer.status} {answer.error}")
    return answer
