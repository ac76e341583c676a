"""Errors towards machines: RFC 9457 problem documents, one shape under `/v1/`."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase, JsonResponse
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

TRANSACTION_HEADER = "X-MS-DM-TransactionId"
# The same as WSGI names it.
TRANSACTION_KEY = "HTTP_X_MS_DM_TRANSACTIONID"
# After this long a store that was away is asked again.
RETRY_AFTER_SECONDS = "5"
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")


class BadParameter(APIException):
    """A parameter or header that cannot be read; the answer names it (seed 003, error 400)."""

    status_code = 400
    default_code = "bad_parameter"

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


class Refused(APIException):
    """The caller is not let in: 401 or 403, as its certificate says; DRF's own is always 403.

    `challenge` is what WWW-Authenticate says of a password.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, challenge: str = "") -> None:
        super().__init__(detail, code=status.phrase)
        self.status_code = int(status)
        self.default_code = status.phrase
        self.auth_header = challenge
        self.wait = int(RETRY_AFTER_SECONDS) if status == HTTPStatus.SERVICE_UNAVAILABLE else 0


class Conflict(APIException):
    """What was asked for clashes with what was asked before."""

    status_code = 409
    default_code = "conflict"


def problem(status: int, title: str, detail: str, **members: Any) -> dict[str, Any]:
    """Return a problem's members in the order people read them."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}


def problem_response(status: int, title: str, detail: str, **members: Any) -> JsonResponse:
    """Return a problem as a plain Django answer, for what is refused before DRF."""
    return JsonResponse(
        problem(status, title, detail, **members),
        status=status,
        content_type="application/problem+json",
    )


def refused_response(refused: Refused) -> JsonResponse:
    """Return a refusal as a plain Django answer, as DRF would give it."""
    response = problem_response(refused.status_code, _title(refused), str(refused.detail))
    if refused.wait:
        response.headers["Retry-After"] = str(refused.wait)
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn DRF's exceptions into problem documents; anything else stays a 500 of Django's."""
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
    """Give the caller's transaction id back as it came, on every answer (contract, section 5).

    `sent` is the request's `META`.
    """
    value = sent.get(TRANSACTION_KEY)
    if value is not None and not CONTROL_CHARACTER.search(value):
        response.headers[TRANSACTION_HEADER] = value
