"""One call of an operator's API in CAMARA's form (docs/numbers.md#apis)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings

from moportal.http_client import (
    Reply,
    ServiceUnavailable,
    asks_to_retry,
    exchange,
    refuses_caller,
    was_never_read,
)

LONGEST_CODE = 80
LONGEST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Answer:
    """A usable answer. `error` is CAMARA's code without the API's prefix, or empty."""

    status: int
    error: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


def post(
    url: str,
    content: Mapping[str, Any],
    *,
    unavailable: type[ServiceUnavailable],
    refusals: frozenset[str] = frozenset(),
) -> Answer:
    """Make one call and return its answer.

    `refusals` are the codes that refuse what was asked with a status that otherwise refuses the
    caller. Raises `unavailable` if there is no usable answer, or if our token is not accepted.
    """
    token: str = settings.OPERATOR_API_TOKEN
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        reply = exchange(
            "POST",
            url,
            within=settings.OUTSIDE_CALL_TIMEOUT,
            headers=headers,
            content=json.dumps(content).encode(),
        )
    except httpx.HTTPError as error:
        raise unavailable(type(error).__name__, was_sent=not was_never_read(error)) from error
    answer = _parse(reply)
    if answer is None:
        raise unavailable(f"HTTP {reply.status}", retry_after=_retry_after(reply))
    is_refusal = httpx.codes.is_client_error(reply.status) and answer.error in refusals
    if not is_refusal and (asks_to_retry(reply.status) or refuses_caller(reply)):
        # A client error in CAMARA's form says that nothing was done.
        was_sent = httpx.codes.is_server_error(reply.status)
        detail = f"HTTP {reply.status} {answer.error}"
        raise unavailable(detail, was_sent=was_sent, retry_after=_retry_after(reply))
    return answer


def _retry_after(reply: Reply) -> timedelta:
    """Return the time to wait that the service names, or LONGEST_WAIT if it names more."""
    text = reply.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdecimal()
    return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT) if is_number else timedelta()


def _parse(reply: Reply) -> Answer | None:
    """Return the answer, or None if the body is not what CAMARA prescribes."""
    if reply.status == httpx.codes.NO_CONTENT:
        return Answer(reply.status)
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        # Deeply nested JSON raises RecursionError.
        return None
    if not isinstance(body, dict):
        return None
    if httpx.codes.is_success(reply.status):
        return Answer(reply.status, body=body)
    code = body.get("code")
    if not isinstance(code, str) or not code:
        return None
    # A database cannot store NUL, and the code is kept on the call's row.
    error = code.rpartition(".")[2].replace("\0", "")[:LONGEST_CODE]
    return Answer(reply.status, error, body)
