"""The ES2+ envelope and its fields, in JSON (SGP.22 v2.2, 5.3 and 6.5)."""

import re
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, HttpRefusal, Request, json_answer

PATH = "/gsma/rsp2/es2plus/"
PROTOCOL_PREFIX = "gsma/rsp/"
PROTOCOL = PROTOCOL_PREFIX + "v2.2.0"
PROTOCOL_HEADER = "X-Admin-Protocol"
HEADERS = ((PROTOCOL_HEADER, PROTOCOL),)
SUCCESS = "Executed-Success"
WARNING = "Executed-WithWarning"
FAILED = "Failed"
EXPIRED = "Expired"

# SGP.22 v2.2, table 21: 19 or 20 digits, and 19 may be padded. Some real ICCIDs have 18.
ICCID = re.compile(r"[0-9]{18}[Ff]{0,2}|[0-9]{19}[Ff]?|[0-9]{20}")
EID = re.compile(r"[0-9]{32}")
MATCHING_ID = re.compile(r"[0-9A-Z-]*")
HOST_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Refused(Exception):
    """A function that fails, with its subject code, reason code and message."""

    def __init__(self, subject: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = f"{subject}/{reason}"


def check_protocol(request: Request) -> None:
    """Check that a request is an ES2+ message; raises `HttpRefusal` if it is not."""
    if not request.headers.get("x-admin-protocol", "").startswith("gsma/rsp/v2."):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "X-Admin-Protocol: gsma/rsp/v2.x.y is required")
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise HttpRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "application/json is needed")


def check_header(body: dict[str, Any]) -> None:
    header = body.get("header")
    header = header if isinstance(header, dict) else {}
    if not _text(header, "functionRequesterIdentifier"):
        raise Refused("1.1", "2.2", "functionRequesterIdentifier is missing")
    if not _text(header, "functionCallIdentifier"):
        raise Refused("1.6", "2.2", "functionCallIdentifier is missing")


def call_identifier(body: dict[str, Any]) -> str:
    header = body.get("header")
    return _text(header, "functionCallIdentifier") if isinstance(header, dict) else ""


def execution(status: str, code: str = "", message: str = "") -> dict[str, Any]:
    """Return a functionExecutionStatus (SGP.22 v2.2, 6.5.1.4); `code` is subject/reason."""
    if not code:
        return {"status": status}
    subject, reason = code.split("/")
    coded = {"subjectCode": subject, "reasonCode": reason, "message": message}
    return {"status": status, "statusCodeData": coded}


def make_answer(executed: dict[str, Any], fields: dict[str, Any] | None = None) -> Answer:
    body = json_answer({"header": {"functionExecutionStatus": executed}, **(fields or {})}).body
    return Answer(HTTPStatus.OK, body, headers=HEADERS)


def parse_iccid(body: dict[str, Any]) -> str:
    """Return the ICCID without padding; raises `Refused` for an invalid one.

    19 digits with and without F are the same profile.
    """
    given = body.get("iccid")
    if given in (None, ""):
        raise Refused("1.6", "2.2", "iccid is missing")
    if not isinstance(given, str) or not ICCID.fullmatch(given):
        raise Refused("8.2.1", "3.9", "this ICCID is unknown")
    return given.rstrip("Ff")


def parse_eid(body: dict[str, Any]) -> str:
    """Return the EID, empty if there is none; raises `Refused` for an invalid one."""
    given = body.get("eid")
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or not EID.fullmatch(given):
        raise Refused("1.6", "2.1", "an EID has 32 digits")
    return given


def parse_matching_id(body: dict[str, Any]) -> str | None:
    """Return the matching id; raises `Refused` for an invalid one.

    None means that none was given, which is not the same as the empty one.
    """
    given = body.get("matchingId")
    if given is None:
        return None
    if not isinstance(given, str) or not MATCHING_ID.fullmatch(given):
        raise Refused("1.6", "2.1", "a matching id has digits, capital letters and hyphens")
    return given


def parse_text(body: dict[str, Any], name: str) -> str:
    given = body.get(name)
    if given is not None and not isinstance(given, str):
        raise Refused("1.6", "2.1", f"{name} is not a string")
    return given or ""


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
