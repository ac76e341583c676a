"""Instants as other systems write them."""

import re
from datetime import UTC, datetime

# RFC 3339, 5.6: the second 60 is a leap second. It is the last second of a day in UTC.
_LEAP_SECOND = re.compile(r"(?<=[0-9]{2}:[0-9]{2}:)60(\.[0-9]+)?", re.ASCII)
# `datetime` has no leap seconds. This is the last moment before one, on the same day.
_BEFORE_LEAP_SECOND = "59.999999"


def parse_instant(text: str) -> datetime:
    """Parse an instant in ISO 8601 and return it in UTC. Without an offset it is UTC.

    A leap second becomes the last microsecond before it, and so keeps its day.
    Raises `ValueError`.
    """
    written, leap_seconds = _LEAP_SECOND.subn(_BEFORE_LEAP_SECOND, text.upper())
    instant = datetime.fromisoformat(written)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    try:
        in_utc = instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error

    if leap_seconds and (in_utc.hour, in_utc.minute) != (23, 59):
        raise ValueError(text)
    return in_utc
