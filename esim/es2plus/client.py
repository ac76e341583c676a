"""The ES2+ client: it calls a function of an SM-DP+ and parses the answer (SGP.22 v2.2, 5.3 and 6).

The client compares the answer with the request: a success that does not match is a contradiction.
Decisions are made in `esim.domain.decisions`, and calls are stored by `esim.domain.calls`.
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
from moportal.identifiers import HOST_NAME

PATH = "/gsma/rsp2/es2plus/"
PROTOCOL = "gsma/rsp/"
# Every version 2.x has the same functions. An SM-DP+ answers with the highest one that it supports.
SUPPORTED_PROTOCOL = "gsma/rsp/v2."
JSON = "application/json"
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
Result_co = TypeVar("Result_co", covariant=True)
# Not longer than its column.
_HOST = re.compile(rf"(?=.{{1,120}}\Z){HOST_NAME}")


class Contradiction(Exception):
    """The function was executed, but not as requested (docs/es2plus.md#errors, 8)."""


class Function(Protocol[Result_co]):
    """A function of the SM-DP+ with its parameters."""

    name: ClassVar[str]

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        """Return the fields of the message in this provider's form."""
        ...

    def parse_result(self, body: Mapping[str, Any]) -> Result_co:
        """Return the result from a successful answer, or raise `Contradiction`."""
        ...


@dataclass(frozen=True)
class Ordered:
    """The result of DownloadOrder: the reserved profile."""

    iccid: str


@dataclass(frozen=True)
class DownloadOrder:
    """Reserve a profile (SGP.22 v2.2, 5.3.1).

    The ICCID is always given: with the type alone, a repeat would reserve another profile.
    """

    name: ClassVar[str] = "downloadOrder"
    iccid: str
    profile_type: str
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        iccid = pad_iccid(self.iccid, provider)
        return {**_eid(self.eid), "iccid": iccid, "profileType": self.profile_type}

    def parse_result(self, body: Mapping[str, Any]) -> Ordered:
        iccid = body.get("iccid")
        _check_echo("iccid", iccid.rstrip("Ff") if isinstance(iccid, str) else iccid, self.iccid)
        return Ordered(self.iccid)


@dataclass(frozen=True)
class Confirmed:
    """The result of ConfirmOrder. The address, if given, goes into the activation code (5.3.2)."""

    matching_id: str
    smdp_address: str = ""


@dataclass(frozen=True)
class ConfirmOrder:
    """Bind the matching id and, with `releases`, allow the download (SGP.22 v2.2, 5.3.2)."""

    name: ClassVar[str] = "confirmOrder"
    iccid: str
    matching_id: str
    eid: str = ""
    releases: bool = True

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": pad_iccid(self.iccid, provider),
            **_eid(self.eid),
            "matchingId": self.matching_id,
            "releaseFlag": self.releases,
        }

    def parse_result(self, body: Mapping[str, Any]) -> Confirmed:
        _check_echo("matchingId", body.get("matchingId"), self.matching_id)
        # The EID in the answer is optional; only a different one is a contradiction.
        _check_echo("eid", body.get("eid") or self.eid, self.eid)
        # No device may be asked for a confirmation code (docs/contract.md#profile).
        if body.get("confirmationCode") or body.get("ccRequiredFlag"):
            raise Contradiction("the device would be asked for a confirmation code")
        host = body.get("smdpAddress") or ""
        if host and not (isinstance(host, str) and _HOST.fullmatch(host)):
            raise Contradiction("smdpAddress is not a host name")
        return Confirmed(self.matching_id, host)


@dataclass(frozen=True)
class CancelOrder:
    """Cancel an order whose profile no device has, and retire the ICCID (SGP.22 v2.2, 5.3.3).

    EID and matching id are sent too, so that a late repeat cannot cancel another order.
    """

    name: ClassVar[str] = "cancelOrder"
    iccid: str
    matching_id: str = ""
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": pad_iccid(self.iccid, provider),
            **_eid(self.eid),
            **({"matchingId": self.matching_id} if self.matching_id else {}),
            # "Available" would put the profile back into the stock of the SM-DP+.
            "finalProfileStatusIndicator": "Unavailable",
        }

    def parse_result(self, _body: Mapping[str, Any]) -> None:
        return None


@dataclass(frozen=True)
class ReleaseProfile:
    """Allow the download of a profile that was confirmed without release (SGP.22 v2.2, 5.3.4)."""

    name: ClassVar[str] = "releaseProfile"
    iccid: str

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {"iccid": pad_iccid(self.iccid, provider)}

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
    """The outcome of a call. `codes` are subject and reason code, empty if the SM-DP+ sent none."""

    outcome: Es2Call.Outcome
    detail: str = ""
    codes: tuple[str, str] = ("", "")
    result: Result | None = None
    # How long the SM-DP+ asks the portal to wait before the next call.
    retry_after: timedelta = timedelta()


def pad_iccid(iccid: str, provider: SmdpProvider) -> str:
    """Return the ICCID in this provider's form: some want a trailing F after 19 digits."""
    return iccid + "F" if provider.pads_iccid and len(iccid) == 19 else iccid  # noqa: PLR2004 -- table 21


def _eid(eid: str) -> dict[str, str]:
    """Return the field for the EID if it is known; on the open web it may not be."""
    return {"eid": eid} if eid else {}


def _check_echo(name: str, answered: object, sent: str) -> None:
    if answered != sent:
        difference = "is missing" if answered is None else "differs"
        raise Contradiction(f"{name} {difference} in the answer")


def call(
    function: Function[Result],
    *,
    provider: SmdpProvider,
    call_identifier: uuid.UUID,
    timeout: float,
) -> Answer[Result]:
    """Call a function and parse its answer. Never raises for anything that the SM-DP+ does."""
    header = {
        "functionRequesterIdentifier": provider.requester_identifier,
        "functionCallIdentifier": str(call_identifier),
    }
    # SGP.22 v2.2, 6.5: only quote, backslash and control characters are escaped.
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
        # Unless the request surely never arrived, the function may have been executed.
        outcome = Outcome.NOT_SENT if was_never_read(error) else Outcome.NO_ANSWER
        return Answer(outcome, f"{type(error).__name__}: {error}")
    return parse_answer(reply, function)


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
