"""Notices: HandleDownloadProgressInfo as SM-DP+ platforms send it (SGP.22 v2.2, 5.3.5).

This module does not use Django. The standard's example differs from its schema, and platforms
differ from both. They send `timeStamp` or `timestamp`, in ISO 8601 or as an epoch. The point is
`4`, `4.0` or `"4"`, the ICCID may be padded, and there may be additional fields.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any

from moportal.text.instants import parse_instant
from moportal.text.json_numbers import whole_number

# The standard's statuses, spelled exactly like this. `Expired` and any other status say
# nothing about the profile (docs/es2plus.md#handledownloadprogressinfo).
EXECUTED = frozenset({"Executed-Success", "Executed-WithWarning"})
FAILED = "Failed"
# The check digit is not checked. Platforms compute that of a 20-digit ICCID in different ways, and
# the SM-DP+ knows its own ICCIDs.
_ICCID = re.compile(r"([0-9]{18,20})[Ff]{0,2}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"([0-9]{1,12})(\.0{1,9})?", re.ASCII)
_EPOCH = re.compile(r"([0-9]{9,13})(\.[0-9]{1,9})?", re.ASCII)
# An epoch with more digits is in milliseconds.
_SECONDS_DIGITS = 10
# Identifiers of the device. The raw message is stored without them.
_PERSONAL = frozenset({"eid", "imei", "tac"})


class Point(StrEnum):
    """The meanings of a notificationPointId."""

    ELIGIBILITY = "eligibility"
    CONFIRMATION_CODE = "confirmation_code"
    DOWNLOAD = "download"
    INSTALLATION = "installation"
    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


# SGP.22 v2.2, 5.3.5. Further points are agreed with each platform and set on its provider.
STANDARD_POINTS = {
    "1": Point.ELIGIBILITY,
    "2": Point.CONFIRMATION_CODE,
    "3": Point.DOWNLOAD,
    "4": Point.INSTALLATION,
}
# These points mean that the profile is on its device.
ON_DEVICE = frozenset({Point.INSTALLATION, Point.ENABLED, Point.DISABLED, Point.DELETED})
# Only at these points does a failure mean that the download failed. The others come later.
OF_DOWNLOAD = frozenset(
    {Point.ELIGIBILITY, Point.CONFIRMATION_CODE, Point.DOWNLOAD, Point.INSTALLATION}
)


class UnreadableNotice(ValueError):
    """The notice has no readable ICCID; the message says what is missing."""


@dataclass(frozen=True)
class Notice:
    """One notice. `raw` is the message as received, without the identifiers of the device."""

    iccid: str
    point: str
    status: str
    codes: tuple[str, str]
    timestamp: str
    call_identifier: str
    # Empty if the message names none. It may be any text.
    eid: str
    raw: dict[str, Any]

    @property
    def at(self) -> datetime | None:
        """Return the timestamp as a time, or None if it is unreadable."""
        return parse_time(self.timestamp)


def parse_notice(body: Any) -> Notice:
    """Parse the JSON of a notice, or raise `UnreadableNotice`."""
    if not isinstance(body, dict):
        raise UnreadableNotice("the body is not a JSON object")
    iccid = _ICCID.fullmatch(_text(body.get("iccid"), 40).strip())
    if iccid is None:
        raise UnreadableNotice("iccid is missing or not an ICCID")
    header = _object(body.get("header"))
    status = body.get("notificationPointStatus")
    # Some platforms send the status as a text, without the object around it.
    execution = {"status": status} if isinstance(status, str) else _object(status)
    codes = _object(execution.get("statusCodeData"))
    return Notice(
        iccid=iccid[1],
        point=_point(body.get("notificationPointId")),
        status=_text(execution.get("status"), 30),
        codes=(_text(codes.get("subjectCode"), 20), _text(codes.get("reasonCode"), 20)),
        # The schema says timestamp, the standard's example timeStamp.
        timestamp=_text(body.get("timestamp") or body.get("timeStamp"), 40),
        call_identifier=_text(header.get("functionCallIdentifier"), 80),
        eid=_text(body.get("eid"), 40).strip(),
        raw=_storable({name: body[name] for name in body if name not in _PERSONAL}),
    )


def parse_time(text: str) -> datetime | None:
    """Parse a time: ISO 8601 (without an offset it is UTC), or an epoch in s or ms."""
    try:
        if epoch := _EPOCH.fullmatch(text):
            has_seconds = len(epoch[1]) <= _SECONDS_DIGITS
            return datetime.fromtimestamp(float(text) / (1 if has_seconds else 1000), UTC)
        return parse_instant(text)
    except (ValueError, OverflowError):
        return None


def _point(value: Any) -> str:
    """Return the point as its number in digits, or as the text that came."""
    number = whole_number(value)
    text = str(value if number is None else number).strip()
    written = _WHOLE_NUMBER.fullmatch(text)
    return written[1] if written else _text(value, 12)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, length: int) -> str:
    """Return a value as text that every database can store."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", errors="replace").decode().replace("\0", "")[:length]


def _storable(value: Any) -> Any:
    """Return the JSON with texts that every database can store."""
    if isinstance(value, dict):
        return {_text(name, 200): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    # Python parses NaN and Infinity, which are not JSON.
    is_odd = isinstance(value, float) and not isfinite(value)
    return _text(value, 2000) if is_odd or isinstance(value, str) else value
