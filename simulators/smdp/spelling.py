"""How notifications are written: as in the standard, and as some real SM-DP+ write them.

The standard has no points for what a user later does with a profile. Several providers use 6, 7
and 8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from simulators.smdp.failures import CONFIRMATION_CODE, DOWNLOAD, ELIGIBILITY, INSTALLATION

Message = dict[str, Any]
Spell = Callable[[Message, datetime], Message]

POINTS = {
    ELIGIBILITY: 1,
    CONFIRMATION_CODE: 2,
    DOWNLOAD: 3,
    INSTALLATION: 4,
    "enabled": 6,
    "disabled": 7,
    "deleted": 8,
}
PADDED_LENGTH = 20
IMEI = "490154203237518"
SUMMER_TIME = timezone(timedelta(hours=2))


@dataclass(frozen=True)
class Style:
    """One practice: other numbers for points, another form of the message, or both."""

    effect: str
    points: Mapping[str, int] = field(default_factory=dict)
    spell: Spell = lambda message, _at: message


def _example(message: Message, at: datetime) -> Message:
    name = _time_name(message)
    renamed = {"timeStamp" if key == name else key: value for key, value in message.items()}
    return renamed | {"notificationPointId": str(message["notificationPointId"])}


def _epoch(message: Message, at: datetime) -> Message:
    return _example(message, at) | {"timeStamp": str(int(at.timestamp()))}


def _offset(message: Message, at: datetime) -> Message:
    local = at.astimezone(SUMMER_TIME).isoformat(timespec="seconds")
    return message | {_time_name(message): local}


def _time_name(message: Message) -> str:
    return "timestamp" if "timestamp" in message else "timeStamp"


def _decimal(message: Message, at: datetime) -> Message:
    return message | {"notificationPointId": float(message["notificationPointId"])}


def _padded(message: Message, at: datetime) -> Message:
    return message | {"iccid": message["iccid"].ljust(PADDED_LENGTH, "F")}


def _with_status(**status: object) -> Spell:
    return lambda message, _at: message | {"notificationPointStatus": status}


def _without_status(message: Message, at: datetime) -> Message:
    return {name: value for name, value in message.items() if name != "notificationPointStatus"}


def _at_point(point: int, **changes: object) -> Spell:
    return lambda message, _at: message | {"notificationPointId": point, **changes}


STYLES = {
    "standard": Style("as in 5.3.5: timestamp in UTC with Z, the point a number"),
    "example": Style("as in the standard's example: timeStamp, the point a string", spell=_example),
    "epoch": Style("timeStamp as a string of seconds since 1970, the point a string", spell=_epoch),
    "decimal": Style("the point a number with a fraction: 4.0", spell=_decimal),
    "offset": Style("the time with +02:00 instead of Z", spell=_offset),
    "padded": Style("an ICCID of 18 or 19 digits is filled up to 20 with F", spell=_padded),
    "device": Style(
        "imei and tac are included",
        spell=lambda message, _at: message | {"imei": IMEI, "tac": IMEI[:8]},
    ),
    "installed-5": Style("the installation is point 5", points={INSTALLATION: 5}),
    "installed-101": Style(
        "the installation is point 101, disabled 102, deleted 5",
        points={INSTALLATION: 101, "disabled": 102, "deleted": 5},
    ),
}


# With `--odd` each notification is sent in all these ways. The first five mean nothing to
# an operator that knows only the standard. The last two say what happened.
ODD: tuple[Spell, ...] = (
    _without_status,
    _with_status(status="executed-success"),
    _with_status(status="Expired"),
    _at_point(
        101,
        notificationPointStatus={
            "status": "Failed",
            "statusCodeData": {"subjectCode": "8.1", "reasonCode": "4.8"},
        },
    ),
    _at_point(99),
    lambda message, at: _decimal(_epoch(message, at), at),
    _example,
)


@dataclass(frozen=True)
class Spelling:
    """Several practices in their order, and points with numbers from the command line."""

    styles: tuple[str, ...] = ()
    numbered: Mapping[str, int] = field(default_factory=dict)
    is_odd: bool = False

    def ways(self) -> tuple[Spell, ...]:
        """Return how each notification is written; it is sent once in each way."""
        return ODD if self.is_odd else (self.spell,)

    def number(self, point: str | int) -> int:
        """Return the number of a point. A point that is a number already stays as it is."""
        if isinstance(point, int):
            return point
        points = dict(POINTS)
        for style in self.styles:
            points.update(STYLES[style].points)
        points.update(self.numbered)
        return points[point]

    def spell(self, message: Message, at: datetime) -> Message:
        for style in self.styles:
            message = STYLES[style].spell(message, at)
        return message
