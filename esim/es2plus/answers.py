"""The answers of an SM-DP+, each put into one class (docs/es2plus.md#errors)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

import httpx
import structlog
from django.utils.timezone import now

from esim.es2plus.functions import Contradiction, Function
from esim.models import Es2Call
from moportal.http_client import WRONG_ADDRESS, Reply, asks_to_retry, refuses_caller

log = structlog.get_logger(__name__)
JSON = "application/json"
# A customer is waiting, so an SM-DP+ that asks for a longer pause is called after this one.
# It can then ask again.
LONGEST_RETRY_AFTER = timedelta(seconds=30)
Outcome = Es2Call.Outcome
STATUSES = {
    "Executed-Success": Outcome.SUCCESS,
    "Executed-WithWarning": Outcome.WARNING,
    "Failed": Outcome.FAILED,
    "Expired": Outcome.EXPIRED,
}
Result = TypeVar("Result")
_PROTOCOL = re.compile(r"gsma/rsp/v[0-9]", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """The outcome of a call. `codes` are subject and reason code, or empty texts."""

    outcome: Es2Call.Outcome
    detail: str = ""
    codes: tuple[str, str] = ("", "")
    result: Result | None = None
    # How long the SM-DP+ asks the portal to wait before the next call.
    retry_after: timedelta = timedelta()
    # Whether a setting, here or at the SM-DP+, must be corrected before a call can succeed.
    is_setting: bool = False


def parse_answer(reply: Reply, function: Function[Result]) -> Answer[Result]:
    """Parse an HTTP answer and find its class (docs/es2plus.md#errors)."""
    text = _readable(reply.body)
    if reply.status != httpx.codes.OK:
        after = _parse_retry_after(reply.headers.get("retry-after", ""))
        outcome = _http_outcome(reply)
        is_setting = outcome == Outcome.MISCONFIGURED
        detail = f"HTTP {reply.status} {text}"
        return Answer(outcome, detail, retry_after=after, is_setting=is_setting)
    _note_odd_protocol(reply.headers.get("x-admin-protocol", ""))
    try:
        _check_content_type(reply.headers)
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


def _http_outcome(reply: Reply) -> Es2Call.Outcome:
    """Return the class of an answer with another status than 200.

    An address or a certificate that is not accepted is a setting, here or at the SM-DP+.
    It can be corrected, so it decides nothing about the order.
    """
    if asks_to_retry(reply.status):
        return Outcome.COME_BACK
    if refuses_caller(reply) or reply.status in WRONG_ADDRESS:
        return Outcome.MISCONFIGURED
    is_refusal = httpx.codes.is_client_error(reply.status)
    return Outcome.REFUSED if is_refusal else Outcome.UNREADABLE


def _check_content_type(headers: Mapping[str, str]) -> None:
    """Raise `ValueError` for another content type than JSON.

    Some SM-DP+s leave the header out.
    """
    kind = headers.get("content-type", JSON)
    if not kind.lower().startswith(JSON):
        raise ValueError(kind)


def _note_odd_protocol(protocol: str) -> None:
    """Log an X-Admin-Protocol that is not a version of SGP.22. It is no reason to refuse.

    An SM-DP+ answers with the highest version that it supports, and pySim's leaves the
    header out (docs/es2plus.md#transport).
    """
    if protocol and not _PROTOCOL.match(protocol):
        log.warning("odd X-Admin-Protocol", protocol=protocol[:60])


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
