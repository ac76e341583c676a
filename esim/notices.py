"""Reading HandleDownloadProgressInfo as SM-DP+s really write it (SGP.22 v2.2, 5.3.5).

No Django in here. The specification's own example and its schema differ, and platforms differ from
both: `timeStamp` or `timestamp`, in ISO 8601 or as an epoch; the point as a number or as text; an
ICCID with padding; fields of their own.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any

EXECUTED = frozenset({"Executed-Success", "Executed-WithWarning"})
# Whoever runs the SM-DP+ knows its ICCIDs: the check digit of a 20-digit one is written in
# several ways, and a wrong one is no reason not to listen.
_ICCID = re.compile(r"([0-9]{18,20})[Ff]?", re.ASCII)
_EPOCH = re.compile(r"[0-9]{9,13}", re.ASCII)
_SECONDS = 10
# Whose device it is stands with the profile; the raw message need not say it again.
_PERSONAL = frozenset({"eid", "imei", "tac"})


class Point(StrEnum):
    """What a notificationPointId may stand for."""

    ELIGIBILITY = "eligibility"
    CONFIRMATION_CODE = "confirmation_code"
    DOWNLOAD = "download"
    INSTALLATION = "installation"
    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


# SGP.22, 5.3.5; whatever else a platform sends is agreed with it and stands with its provider.
STANDARD_POINTS = {
    "1": Point.ELIGIBILITY,
    "2": Point.CONFIRMATION_CODE,
    "3": Point.DOWNLOAD,
    "4": Point.INSTALLATION,
}
# What can only be said of a profile that has reached its device.
ON_DEVICE = frozenset({Point.INSTALLATION, Point.ENABLED, Point.DISABLED, Point.DELETED})


class UnreadableNotice(ValueError):
    """The notification names no ICCID that could be read; the message says what is missing."""


@dataclass(frozen=True)
class Notice:
    """One notification, taken apart; `raw` is what came, without what names the device."""

    iccid: str
    point: str
    status: str
    codes: tuple[str, str]
    timestamp: str
    call_identifier: str
    raw: dict[str, Any]

    @property
    def at(self) -> datetime | None:
        """Return when it happened, as far as that could be read."""
        return read_time(self.timestamp)


def read(body: Any) -> Notice:
    """Take a notification apart, or raise `UnreadableNotice`."""
    if not isinstance(body, dict):
        raise UnreadableNotice("the body is not a JSON object")
    iccid = _ICCID.fullmatch(_text(body.get("iccid"), 40).strip())
    if iccid is None:
        raise UnreadableNotice("iccid is missing or not an ICCID")
    header = _object(body.get("header"))
    status = body.get("notificationPointStatus")
    execution = {"status": status} if isinstance(status, str) else _object(status)
    codes = _object(execution.get("statusCodeData"))
    return Notice(
        iccid=iccid[1],
        point=_text(body.get("notificationPointId"), 12).strip(),
        status=_text(execution.get("status"), 30),
        codes=(_text(codes.get("subjectCode"), 20), _text(codes.get("reasonCode"), 20)),
        timestamp=_text(body.get("timestamp") or body.get("timeStamp"), 40),
        call_identifier=_text(header.get("functionCallIdentifier"), 80),
        raw=_storable({name: body[name] for name in body if name not in _PERSONAL}),
    )


def read_time(text: str) -> datetime | None:
    """Read an instant: ISO 8601 with an offset (none is UTC), or an epoch in s or ms."""
    try:
        if _EPOCH.fullmatch(text):
            seconds = int(text) if len(text) <= _SECONDS else int(text) / 1000
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, length: int) -> str:
    """Return a value as text that every database takes."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", errors="replace").decode().replace("\0", "")[:length]


def _storable(value: Any) -> Any:
    """Return JSON whose every text a database takes."""
    if isinstance(value, dict):
        return {_text(name, 200): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    # Python reads NaN and Infinity, which are no JSON.
    is_odd = isinstance(value, float) and not isfinite(value)
    return _text(value, 2000) if is_odd or isinstance(value, str) else value
