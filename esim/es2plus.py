"""The ES2+ client: one HTTP exchange in, one typed answer out (SGP.22 v2.2, 5.3 and 6).

It decides nothing and stores nothing; `esim.provisioning` does both.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.conf import settings

from esim.models import Es2Call, SmdpProvider
from moportal.outside import Reply, checked_address, exchange

PATH = "/gsma/rsp2/es2plus/"
HEADERS = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.2.0"}
COME_BACK_LATER = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})
EXECUTED = frozenset({"Executed-Success", "Executed-WithWarning"})
Outcome = Es2Call.Outcome


@dataclass(frozen=True)
class Answer:
    """What a call came to. `codes` is (subject, reason) and empty unless the SM-DP+ gave them."""

    outcome: Es2Call.Outcome
    detail: str = ""
    codes: tuple[str, str] = ("", "")
    body: dict[str, Any] = field(default_factory=dict)


def padded(iccid: str, provider: SmdpProvider) -> str:
    """Return the ICCID as this provider wants it: 19 digits and `F` are the same 19 digits."""
    return iccid + "F" if provider.pads_iccid and len(iccid) == 19 else iccid  # noqa: PLR2004 -- table 21


def call(
    function: str, fields: dict[str, Any], *, provider: SmdpProvider, call_identifier: uuid.UUID
) -> Answer:
    """Send one function call and read its answer; never raises for anything the other side does."""
    header = {
        "functionRequesterIdentifier": provider.requester_identifier,
        "functionCallIdentifier": str(call_identifier),
    }
    url = checked_address(settings.SMDP_URL, name="SMDP_URL") + PATH + function
    # SGP.22, 6.5: only quote, backslash and control characters are escaped.
    content = json.dumps({"header": header, **fields}, ensure_ascii=False).encode()
    try:
        within = settings.OUTSIDE_CALL_TIMEOUT
        reply = exchange("POST", url, content=content, headers=HEADERS, within=within)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        return Answer(Outcome.NOT_SENT, f"{type(error).__name__}: {error}")
    except httpx.HTTPError as error:
        return Answer(Outcome.NO_ANSWER, f"{type(error).__name__}: {error}")
    return read(reply)


def read(reply: Reply) -> Answer:
    """Sort an HTTP answer into the classes of `es2plus.md`, section 8."""
    status, text = reply.status, _readable(reply.body)
    if status != httpx.codes.OK:
        is_permanent = httpx.codes.is_client_error(status) and status not in COME_BACK_LATER
        return Answer(Outcome.REFUSED if is_permanent else Outcome.UNKNOWN, f"HTTP {status} {text}")
    try:
        body = json.loads(reply.body)
        execution = body["header"]["functionExecutionStatus"]
        status_name = execution["status"]
        codes = execution.get("statusCodeData") or {}
        pair = (_code(codes.get("subjectCode")), _code(codes.get("reasonCode")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Answer(Outcome.UNKNOWN, f"not an ES2+ answer ({type(error).__name__}): {text}")
    if not isinstance(status_name, str):
        return Answer(Outcome.UNKNOWN, f"status is no text: {text}")
    if status_name in EXECUTED:
        return Answer(Outcome.SUCCESS, text, pair, body)
    if status_name == "Failed":
        return Answer(Outcome.FAILED, text, pair, body)
    return Answer(Outcome.UNKNOWN, f"status {status_name!r}: {text}", pair, body)


def _readable(body: bytes) -> str:
    """Return the beginning of a body as text that a log and a database take."""
    return body[:2000].decode("utf-8", errors="replace").replace("\0", "\ufffd")


def _code(value: object) -> str:
    """Return a dotted-number code, or nothing where there is none worth keeping."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9.]{1,20}", value) else ""
