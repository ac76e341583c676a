"""The ES2+ client: one HTTP exchange in, one typed answer out (SGP.22 v2.2, 5.3 and 6).

It decides nothing and stores nothing; `esim.provisioning` does both.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.conf import settings

from esim.models import Es2Call, SmdpProvider
from moportal.outside import checked_address, client

PATH = "/gsma/rsp2/es2plus/"
HEADERS = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.2.0"}
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
        response = client().post(url, content=content, headers=HEADERS)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        return Answer(Outcome.NOT_SENT, f"{type(error).__name__}: {error}")
    except httpx.HTTPError as error:
        return Answer(Outcome.UNKNOWN, f"{type(error).__name__}: {error}")
    return read(response)


def read(response: httpx.Response) -> Answer:
    """Sort an HTTP answer into the classes of `es2plus.md`, section 8."""
    status, text = response.status_code, response.text[:2000]
    if status != httpx.codes.OK:
        is_permanent = (
            httpx.codes.is_client_error(status) and status != httpx.codes.TOO_MANY_REQUESTS
        )
        return Answer(Outcome.REFUSED if is_permanent else Outcome.UNKNOWN, f"HTTP {status} {text}")
    try:
        body = response.json()
        execution = body["header"]["functionExecutionStatus"]
        status_name = execution["status"]
        codes = execution.get("statusCodeData") or {}
        pair = (str(codes.get("subjectCode") or ""), str(codes.get("reasonCode") or ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Answer(Outcome.UNKNOWN, f"not an ES2+ answer ({type(error).__name__}): {text}")
    if status_name in EXECUTED:
        return Answer(Outcome.SUCCESS, text, pair, body)
    if status_name == "Failed":
        return Answer(Outcome.FAILED, text, pair, body)
    return Answer(Outcome.UNKNOWN, f"status {status_name!r}: {text}", pair, body)
