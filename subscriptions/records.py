"""A usage record as a charging system tells it: JSON in, checked values out. No Django in here.

{"id": "…", "iccid": "8944…", "usedAt": "2026-01-31T23:59:59Z", "bytes": 1, "country": "US"}
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from moportal.identifiers import Country, Iccid, InvalidIdentifier

NAMES = ("id", "iccid", "usedAt", "bytes", "country")
LONGEST_ID = 100
# A petabyte: no SIM moves that in one record, and no sum of such records leaves a bigint.
MOST_BYTES = 10**15
# RFC 3339, 5.6, with an offset; a fraction may have any length, six digits of it are kept.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,20})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
Value = TypeVar("Value")


class BadRecord(ValueError):
    """A record that cannot be taken; `parameter` names which of its fields is to blame."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.detail = detail


@dataclass(frozen=True)
class Usage:
    """Data that a SIM has used. Its source and `key` identify it.

    Source of the rule: docs/contract.md#quantities-and-identity.
    """

    record_id: str
    iccid: str
    used_at: datetime
    bytes: int
    country: str

    @property
    def day(self) -> date:
        """Return the day of use, as every instant in UTC."""
        return self.used_at.date()

    @property
    def key(self) -> tuple[str, date]:
        return self.record_id, self.day


def read(said: Any) -> Usage:
    """Read one record; fields of another name are ignored. Raises `BadRecord`."""
    if not isinstance(said, Mapping):
        raise BadRecord("", "A record is an object.")
    for name in NAMES:
        if name not in said:
            raise BadRecord(name, f"{name} is missing.")
    return Usage(
        record_id=_id(said["id"]),
        iccid=_iccid(said["iccid"]),
        used_at=_instant(said["usedAt"]),
        bytes=_bytes(said["bytes"]),
        country=_country(said["country"]),
    )


def _id(value: Any) -> str:
    # Only what is printable can be stored: no NUL, no half of a surrogate pair.
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST_ID:
        raise BadRecord("id", f"id is a text of 1 to {LONGEST_ID} printable characters.")
    return value


def _iccid(value: Any) -> str:
    detail = "iccid is a text of 18 to 20 digits with a right check digit."
    return _parsed(Iccid.parse, value, "iccid", detail)


def _country(value: Any) -> str:
    return _parsed(Country.parse, value, "country", "country is an ISO 3166-1 alpha-2 code.")


def _parsed(parse: Callable[[str], str], value: Any, name: str, detail: str) -> str:
    if not isinstance(value, str):
        raise BadRecord(name, detail)
    try:
        # As plain text: what is read back from the database is to be equal.
        return str(parse(value))
    except InvalidIdentifier as error:
        raise BadRecord(name, detail) from error


def _instant(value: Any) -> datetime:
    detail = "usedAt is an instant with its offset (RFC 3339), such as 2026-01-31T23:59:59Z."
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise BadRecord("usedAt", detail)
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRecord("usedAt", detail) from error


def _bytes(value: Any) -> int:
    # JSON's true is an int to Python.
    if type(value) is not int or not 0 <= value <= MOST_BYTES:
        raise BadRecord("bytes", f"bytes is a whole number from 0 to {MOST_BYTES}.")
    return value
