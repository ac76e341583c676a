"""HTTP calls to an operator's billing in CAMARA's form (docs/payments.md#bill).

One operation of an adapter may need several requests: it reads before and after the one request
that changes something. Together they take at most OUTSIDE_CALL_TIMEOUT seconds.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from moportal.http_client import (
    CALLER_REFUSED,
    WRONG_ADDRESS,
    Reply,
    asks_to_retry,
    check_address,
    exchange,
    refuses_certificate,
    was_never_read,
)
from payments.gateways.base import GatewayUnavailable

LONGEST_CODE = 60
LONGEST_WAIT = timedelta(minutes=1)
# These codes refuse the request itself. Without them, the same status (401, 403, 404) would mean
# that the token or the address is wrong.
REFUSALS = frozenset(
    {
        "PAYMENT_DENIED",
        "REFUND_DENIED",
        "PAYMENT_NOT_ELIGIBLE_FOR_REFUND",
        "NOT_FOUND",
        "IDENTIFIER_NOT_FOUND",
    }
)
# The token is wrong: it must be issued to the portal, and not for one customer.
WRONG_TOKENS = frozenset({"MISSING_IDENTIFIER", "UNNECESSARY_IDENTIFIER", "PHONE_NUMBER_REQUIRED"})


@dataclass(frozen=True)
class Answer:
    """A usable answer. `code` is CAMARA's error code without the API's prefix, or empty."""

    status: int
    code: str = ""
    body: Any = None

    @property
    def is_error(self) -> bool:
        return bool(self.code)


class Operation:
    """The requests of one operation. They share one correlator and one time limit."""

    def __init__(self, correlator: str) -> None:
        self._correlator = correlator
        self._ends_at = time.monotonic() + settings.OUTSIDE_CALL_TIMEOUT

    def get(self, url: str) -> Answer:
        """Ask, and change nothing."""
        return self._send("GET", url, None)

    def post(self, url: str, content: Mapping[str, Any]) -> Answer:
        """Send a request that may change something."""
        return self._send("POST", url, json.dumps(content).encode())

    def _send(self, method: str, url: str, content: bytes | None) -> Answer:
        headers = {"Accept": "application/json", "x-correlator": self._correlator}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if token := _token():
            headers["Authorization"] = f"Bearer {token}"
        left = max(self._ends_at - time.monotonic(), 0.001)
        try:
            reply = exchange(method, url, within=left, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise GatewayUnavailable(
                type(error).__name__,
                was_sent=not was_never_read(error),
                is_setting=refuses_certificate(error),
            ) from error
        return _parse(reply)


def base_address(name: str) -> str:
    """Return the base address that this setting holds."""
    return check_address(getattr(settings, name), name=name)


def _token() -> str:
    """Return the bearer token. The file is read each time, because its token may be replaced."""
    if not settings.CARRIER_BILLING_TOKEN_FILE:
        return str(settings.CARRIER_BILLING_TOKEN)
    try:
        return Path(settings.CARRIER_BILLING_TOKEN_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        problem = f"CARRIER_BILLING_TOKEN_FILE: {type(error).__name__}"
        raise GatewayUnavailable(problem, was_sent=False, is_setting=True) from error


def _parse(reply: Reply) -> Answer:
    """Return the answer. Raises `GatewayUnavailable` if it is unusable or refuses the caller."""
    if httpx.codes.is_success(reply.status):
        return Answer(reply.status, body=_parse_body(reply))
    code = _parse_code(reply)
    if code in REFUSALS:
        return Answer(reply.status, code)
    is_setting = reply.status in CALLER_REFUSED | WRONG_ADDRESS or code in WRONG_TOKENS
    if is_setting or asks_to_retry(reply.status) or not code:
        raise GatewayUnavailable(
            f"HTTP {reply.status} {code}".strip(),
            # An error in CAMARA's form says that nothing was done.
            was_sent=not code or httpx.codes.is_server_error(reply.status),
            retry_after=_retry_after(reply),
            is_setting=is_setting,
        )
    return Answer(reply.status, code)


def _parse_body(reply: Reply) -> Any:
    """Return the body of a success. Some successes have none."""
    if not reply.body:
        return None
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        # Deeply nested JSON raises RecursionError.
        raise GatewayUnavailable(f"HTTP {reply.status}, {type(error).__name__}") from error


def _parse_code(reply: Reply) -> str:
    """Return the error's code, or an empty text if the body is not an error in CAMARA's form."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ""
    code = body.get("code") if isinstance(body, dict) else None
    if not isinstance(code, str):
        return ""
    word = code.rpartition(".")[2]
    is_word = word.replace("_", "").isalnum() and word.isascii()
    return word if is_word and len(word) <= LONGEST_CODE else ""


def _retry_after(reply: Reply) -> timedelta:
    """Return the time to wait that the API names, or LONGEST_WAIT if it names more."""
    text = reply.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdecimal()
    return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT) if is_number else timedelta()
