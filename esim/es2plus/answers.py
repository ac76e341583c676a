"""The answers of an SM-DP+, each put into one class (docs/es2plus.md#errors)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

import httpx
from django.utils.timezone import now

from esim.es2plus.functions import Contradiction, Function
from esim.models import Es2Call
from moportal.http_client import Reply, asks_to_retry

JSON = "application/json"
# Every version 2.x has the same functions. An SM-DP+ answers with the highest one that it supports.
SUPPORTED_PROTOCOL = "gsma/rsp/v2."
# A customer is waiting, so an SM-DP+ that asks for a longer pause is called after this one. It can
# then ask again.
LONGEST_RETRY_AFTER = timedelta(seconds=30)
Outcome = Es2Call.Outcome
STATUSES = {
    "Executed-Success": Outcome.SUCCESS,
    "Executed-WithWarning": Outcome.WARNING,
    "Failed": Outcome.FAILED,
    "Expired": Outcome.EXPIRED,
}
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """The outcome of a call. `codes` are subject and reason code, empty if the SM-DP+ sent none."""

    outcome: Es2Call.Outcome
    detail: str = ""
    codes: tuple[str, str] = ("", "")
    result: Result | None = None
    # How long the SM-DP+ asks the portal to wait before the next call.
    retry_after: timedelta = timedelta()


def parse_answer(reply: Reply, function: Function[Result]) -> Answer[Result]:
    """Parse an HTTP answer and find its class (docs/es2plus.md#errors)."""
    text = _readable(reply.body)
    if reply.status != httpx.codes.OK:
        after = _parse_retry_after(reply.headers.get("retry-after", ""))
        return Answer(_http_outcome(reply.status), f"HTTP {reply.status} {text}", retry_after=after)
    try:
        _check_headers(reply.headers)
        body = json.loads(reply.body)
        execution = body["header"]["functionExecutionStatus"]
        outcome = STATUSES[execution["status"]]
        data = execution.get("statusCodeData") or {}
        codes = _code(data.get("subjectCode")), _code(data.get("reasonCode"))
    # RecursionError: JSON may be nested deeper than the parser can follow.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Answer(Outcome.UNREADABLE, f"not an ES2+ answer ({type(error).__name__}): {text}")
    if outcome not in {Outcome.SUCCESS, Outcome.WARNING}:
        return Answer(outcome, text, codes)
    try:
        return Answer(outcome, text, codes, function.parse_result(body))
    except Contradiction as contradiction:
        return Answer(Outcome.CONTRADICTION, f"{contradiction}: {text}", codes)


def _http_outcome(status: int) -> Es2Call.Outcome:
    if asks_to_retry(status):
        return Outcome.COME_BACK
    return Outcome.REFUSED if httpx.codes.is_client_error(status) else Outcome.UNREADABLE


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raise `ValueError` for a wrong content type or protocol. A missing header is accepted.

    Some SM-DP+s, such as pySim's, leave headers out.
    """
    kind, protocol = (
        headers.get("content-type", JSON),
        headers.get("x-admin-protocol", SUPPORTED_PROTOCOL),
    )
    if not kind.lower().startswith(JSON) or not protocol.lower().startswith(SUPPORTED_PROTOCOL):
        raise ValueError(f"{kind}, {protocol}")


def _parse_retry_after(header: str) -> timedelta:
    """Parse Retry-After, seconds or a date (RFC 9110, 10.2.3), and limit it."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        pause = timedelta(seconds=int(header))
    else:
        try:
            pause = parsedate_to_datetime(header) - now()
        except (ValueError, TypeError):
            return timedelta()
    return min(max(pause, timedelta()), LONGEST_RETRY_AFTER)


def _readable(body: bytes) -> str:
    """Return the beginning of a body as text that logs and databases can store."""
    return body[:2000].decode("utf-8", errors="replace").replace("\0", "\ufffd")


def _code(value: object) -> str:
    """Return the value if it is a code of digits and dots, and an empty text otherwise."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9.]{1,20}", value) else ""
