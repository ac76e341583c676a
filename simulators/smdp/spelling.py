"""How notifications are spelled: the standard's way, and what is met in the field instead.

The standard has no points for what the user does with a profile later. Those told here under 6, 7
and 8 are what several providers use.
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
    """One practice: other numbers for points, another spelling of the message, or both."""

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


def _padded(message: Message, at: datetime) -> Message:
    iccid = message["iccid"]
    return message | {"iccid": iccid if len(iccid) == PADDED_LENGTH else iccid + "F"}


STYLES = {
    "standard": Style("as 5.3.5 has it: timestamp in UTC with Z, the point a number"),
    "example": Style(
        "as the standard's own example: timeStamp, the point a string", spell=_example
    ),
    "epoch": Style("timeStamp in seconds since 1970 as a string, the point a string", spell=_epoch),
    "offset": Style("the time with +02:00 instead of Z", spell=_offset),
    "padded": Style("an ICCID of 18 or 19 digits ends with F", spell=_padded),
    "device": Style(
        "imei and tac come with it",
        spell=lambda message, _at: message | {"imei": IMEI, "tac": IMEI[:8]},
    ),
    "installed-5": Style("the installation is point 5", points={INSTALLATION: 5}),
    "installed-101": Style(
        "the installation is point 101, disabled 102, deleted 5",
        points={INSTALLATION: 101, "disabled": 102, "deleted": 5},
    ),
}


@dataclass(frozen=True)
class Spelling:
    """Several practices at once, in the order given, and points that were numbered by hand."""

    styles: tuple[str, ...] = ()
    numbered: Mapping[str, int] = field(default_factory=dict)

    def number(self, point: str | int) -> int:
        """Return the number a point has here; what is a number already stays."""
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
