"""The ES2+ client: one HTTP exchange in, one typed answer out (SGP.22 v2.2, 5.3 and 6).

It decides nothing and stores nothing: `esim.domain.decisions` and `esim.domain.provisioning` do.
It compares the answer with the request. A success that does not match is a contradiction.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import httpx
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now

from esim.es2plus.addresses import address_of, tls_files_of
from esim.models import Es2Call, SmdpProvider
from moportal.http_client import Reply, asks_to_retry, exchange, was_never_read

PATH = "/gsma/rsp2/es2plus/"
PROTOCOL = "gsma/rsp/"
# Any 2.x has the same functions; what an SM-DP+ tells is its highest.
SPOKEN = "gsma/rsp/v2."
JSON = "application/json"
LONGEST_RETRY_AFTER = timedelta(seconds=30)
Outcome = Es2Call.Outcome
STATUSES = {
    "Executed-Success": Outcome.SUCCESS,
    "Executed-WithWarning": Outcome.WARNING,
    "Failed": Outcome.FAILED,
    "Expired": Outcome.EXPIRED,
}
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,120}")


class Contradiction(Exception):
    """The function was executed, but not as asked (docs/es2plus.md#errors, 8)."""


class Function(Protocol[Result_co]):
    """A function of the SM-DP+ with what is asked of it."""

    name: ClassVar[str]

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        """Return the fields of the message, as this provider wants them."""
        ...

    def parse_result(self, body: Mapping[str, Any]) -> Result_co:
        """Return what came of it, or raise `Contradiction`."""
        ...


@dataclass(frozen=True)
class Ordered:
    """What DownloadOrder gives: the profile that is ours now."""

    iccid: str


@dataclass(frozen=True)
class DownloadOrder:
    """Reserve a profile (5.3.1), always by its ICCID: by type alone a repeat takes another one."""

    name: ClassVar[str] = "downloadOrder"
    iccid: str
    profile_type: str
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        iccid = padded(self.iccid, provider)
        return {**_eid(self.eid), "iccid": iccid, "profileType": self.profile_type}

    def parse_result(self, body: Mapping[str, Any]) -> Ordered:
        iccid = body.get("iccid")
        _check("iccid", iccid.rstrip("Ff") if isinstance(iccid, str) else iccid, self.iccid)
        return Ordered(self.iccid)


@dataclass(frozen=True)
class Confirmed:
    """What ConfirmOrder gives; an SM-DP+ address, if there is one, goes into the code (5.3.2)."""

    matching_id: str
    smdp_address: str = ""


@dataclass(frozen=True)
class ConfirmOrder:
    """Bind the matching id and, with `releases`, let the device come (5.3.2)."""

    name: ClassVar[str] = "confirmOrder"
    iccid: str
    matching_id: str
    eid: str = ""
    releases: bool = True

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": padded(self.iccid, provider),
            **_eid(self.eid),
            "matchingId": self.matching_id,
            "releaseFlag": self.releases,
        }

    def parse_result(self, body: Mapping[str, Any]) -> Confirmed:
        _check("matchingId", body.get("matchingId"), self.matching_id)
        _check("eid", body.get("eid") or self.eid, self.eid)
        # No device may be asked for a confirmation code (docs/contract.md#profile).
        if body.get("confirmationCode") or body.get("ccRequiredFlag"):
            raise Contradiction("the device would be asked for a confirmation code")
        host = body.get("smdpAddress") or ""
        if host and not (isinstance(host, str) and _HOST.fullmatch(host)):
            raise Contradiction("smdpAddress is no host name")
        return Confirmed(self.matching_id, host)


@dataclass(frozen=True)
class CancelOrder:
    """Withdraw what no device has, for ever (5.3.3): a retired ICCID never comes back to stock.

    EID and matching id go with it, so that a late repeat can never hit another order.
    """

    name: ClassVar[str] = "cancelOrder"
    iccid: str
    matching_id: str = ""
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": padded(self.iccid, provider),
            **_eid(self.eid),
            **({"matchingId": self.matching_id} if self.matching_id else {}),
            "finalProfileStatusIndicator": "Unavailable",
        }

    def parse_result(self, _body: Mapping[str, Any]) -> None:
        return None


@dataclass(frozen=True)
class ReleaseProfile:
    """Let the device come for what was confirmed without that (5.3.4)."""

    name: ClassVar[str] = "releaseProfile"
    iccid: str

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {"iccid": padded(self.iccid, provider)}

    def parse_result(self, _body: Mapping[str, Any]) -> None:
        return None


FUNCTIONS: tuple[type[Function[Any]], ...] = (
    DownloadOrder,
    ConfirmOrder,
    CancelOrder,
    ReleaseProfile,
)


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """What a call came to. `codes` is (subject, reason) and empty unless the SM-DP+ gave them."""

    outcome: Es2Call.Outcome
    detail: str = ""
    codes: tuple[str, str] = ("", "")
    result: Result | None = None
    # How long the other side asks to be left alone.
    retry_after: timedelta = timedelta()


def padded(iccid: str, provider: SmdpProvider) -> str:
    """Return the ICCID as this provider wants it: 19 digits and `F` are the same 19 digits."""
    return iccid + "F" if provider.pads_iccid and len(iccid) == 19 else iccid  # noqa: PLR2004 -- table 21


def _eid(eid: str) -> dict[str, str]:
    """Name the eUICC where it is known; on the open web it may not be (5.3.1: optional)."""
    return {"eid": eid} if eid else {}


def _check(name: str, answered: object, asked: str) -> None:
    if answered != asked:
        what = "no" if answered is None else "another"
        raise Contradiction(f"{what} {name} where ours was to be echoed")


def call(
    function: Function[Result],
    *,
    provider: SmdpProvider,
    call_identifier: uuid.UUID,
    timeout: float,
) -> Answer[Result]:
    """Send one function call and read its answer; never raises for anything the other side does."""
    header = {
        "functionRequesterIdentifier": provider.requester_identifier,
        "functionCallIdentifier": str(call_identifier),
    }
    # SGP.22, 6.5: only quote, backslash and control characters are escaped.
    message = json.dumps(
        {"header": header, **function.message_fields(provider)}, ensure_ascii=False
    )
    headers = {
        "Accept": JSON,
        "Accept-Encoding": "identity",
        "Content-Type": JSON,
        "X-Admin-Protocol": PROTOCOL + provider.protocol_version,
    }
    try:
        url = address_of(provider) + provider.path_prefix + PATH + function.name
        tls = tls_files_of(provider)
        reply = exchange(
            "POST", url, content=message.encode(), headers=headers, within=timeout, tls=tls
        )
    except ImproperlyConfigured as error:
        return Answer(Outcome.NOT_SENT, str(error))
    except httpx.HTTPError as error:
        outcome = Outcome.NOT_SENT if was_never_read(error) else Outcome.NO_ANSWER
        return Answer(outcome, f"{type(error).__name__}: {error}")
    return parse_answer(reply, function)


def parse_answer(reply: Reply, function: Function[Result]) -> Answer[Result]:
    """Sort an HTTP answer into the classes of docs/es2plus.md#errors."""
    text = _readable(reply.body)
    if reply.status != httpx.codes.OK:
        after = _retry_after(reply.headers.get("retry-after", ""))
        return Answer(_http_outcome(reply.status), f"HTTP {reply.status} {text}", retry_after=after)
    try:
        _check_headers(reply.headers)
        body = json.loads(reply.body)
        execution = body["header"]["functionExecutionStatus"]
        outcome = STATUSES[execution["status"]]
        data = execution.get("statusCodeData") or {}
        codes = _code(data.get("subjectCode")), _code(data.get("reasonCode"))
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
    """Refuse what says that it is something else; what is not said is let pass (pySim does too)."""
    kind, protocol = headers.get("content-type", JSON), headers.get("x-admin-protocol", SPOKEN)
    if not kind.lower().startswith(JSON) or not protocol.lower().startswith(SPOKEN):
        raise ValueError(f"{kind}, {protocol}")


def _retry_after(said: str) -> timedelta:
    """Read Retry-After (RFC 9110, 10.2.3: seconds or a date), as far as we let ourselves be told.

    A customer is waiting; who wants longer is asked again and will say so again.
    """
    if re.fullmatch(r"[0-9]{1,9}", said):
        asked = timedelta(seconds=int(said))
    else:
        try:
            asked = parsedate_to_datetime(said) - now()
        except (ValueError, TypeError):
            return timedelta()
    return min(max(asked, timedelta()), LONGEST_RETRY_AFTER)


def _readable(body: bytes) -> str:
    """Return the beginning of a body as text that a log and a database take."""
    return body[:2000].decode("utf-8", errors="replace").replace("\0", "\ufffd")


def _code(value: object) -> str:
    """Return a dotted-number code, or nothing where there is none worth keeping."""
    return value if isinstance(value, str) and re.fullmatch(r"[0-9.]{1,20}", value) else ""
