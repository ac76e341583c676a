"""Problem documents (RFC 9457): the one form of every error of the API."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpResponseBase, JsonResponse
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

log = structlog.get_logger(__name__)
TRANSACTION_HEADER = "X-MS-DM-TransactionId"
# WSGI's name of the same header.
TRANSACTION_KEY = "HTTP_X_MS_DM_TRANSACTIONID"
# The Retry-After of a 503.
RETRY_AFTER_SECONDS = "5"
# granian hands on a header with any other byte as empty text.
PRINTABLE = re.compile("[ -~]+")


class BadParameter(APIException):
    """A parameter or header is malformed. The answer names it (docs/contract.md#get-balance)."""

    status_code = 400
    default_code = "bad_parameter"

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class Refused(APIException):
    """The caller may not use the API: 401 or 403, or 503 if that cannot be decided now.

    DRF's own exceptions would always answer 403, because no authentication class is configured.
    `challenge` is the value of WWW-Authenticate when a password is required.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, challenge: str = "") -> None:
        super().__init__(detail, code=status.phrase)
        self.status_code = int(status)
        self.default_code = status.phrase
        self.auth_header = challenge
        self.wait = int(RETRY_AFTER_SECONDS) if status == HTTPStatus.SERVICE_UNAVAILABLE else 0


class Conflict(APIException):
    """The request conflicts with an earlier one."""

    status_code = 409
    default_code = "conflict"


def problem(status: int, title: str, detail: str, **members: Any) -> dict[str, Any]:
    """Return the members of a problem document, in the order in which people read them."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}


def problem_response(status: int, title: str, detail: str, **members: Any) -> JsonResponse:
    """Return a problem document as a Django response, for errors outside DRF."""
    return JsonResponse(
        problem(status, title, detail, **members),
        status=status,
        content_type="application/problem+json",
    )


def refused_response(refused: Refused) -> JsonResponse:
    """Return the Django response that DRF would give for this refusal."""
    log.warning("caller refused", status=refused.status_code, reason=str(refused.detail))
    response = problem_response(refused.status_code, _title(refused), str(refused.detail))
    if refused.wait:
        response.headers["Retry-After"] = str(refused.wait)
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn DRF's exceptions into problem documents. Django answers any other exception with 500."""
    response = drf_exception_handler(error, context)
    if response is None or not isinstance(error, APIException):
        return response
    members = {"parameter": error.parameter} if isinstance(error, BadParameter) else {}
    response.data = problem(response.status_code, _title(error), str(error.detail), **members)
    response.content_type = "application/problem+json"
    return response


def _title(error: APIException) -> str:
    return str(error.default_code).replace("_", " ").capitalize()


def echo_transaction_id(sent: Mapping[str, Any], response: HttpResponseBase) -> None:
    """Return the caller's transaction id unchanged on every answer (docs/contract.md#get-balance).

    `sent` is the request's `META`. An id with other bytes than printable ASCII is refused, and not
    returned: a control character could end the header.
    """
    value = sent.get(TRANSACTION_KEY)
    if value and PRINTABLE.fullmatch(value):
        response.headers[TRANSACTION_HEADER] = value
