"""Usage records as charging systems send them: JSON in, checked values out.

This module does not use Django. A record looks like this:

{"id": "…", "iccid": "8944…", "usedAt": "2026-01-31T23:59:59Z", "bytes": 1, "country": "US"}
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from moportal.identifiers import Country, Iccid, InvalidIdentifier
from moportal.text.instants import parse_instant
from moportal.text.json_numbers import whole_number

NAMES = ("id", "iccid", "usedAt", "bytes", "country")
LONGEST_ID = 100
# A petabyte. No SIM uses that much in one record, and sums of such records fit into a bigint.
MOST_BYTES = 10**15
# RFC 3339, 5.6: the offset is required. Of a fraction, six digits are kept.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,20})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
Value = TypeVar("Value")


class BadRecord(ValueError):
    """The record is malformed. `parameter` names the field at fault."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.detail = detail


@dataclass(frozen=True)
class Usage:
    """Data that a SIM has used. The record's source and `key` identify it.

    Source of the rule: docs/contract.md#quantities-and-identity.
    """

    record_id: str
    iccid: str
    used_at: datetime
    bytes: int
    country: str

    @property
    def day(self) -> date:
        """Return the day of use in UTC."""
        return self.used_at.date()

    @property
    def key(self) -> tuple[str, date]:
        return self.record_id, self.day


def parse_usage(document: Any) -> Usage:
    """Parse one record. Unknown fields are ignored. Raises `BadRecord`."""
    if not isinstance(document, Mapping):
        raise BadRecord("", "A record must be a JSON object.")
    for name in NAMES:
        if name not in document:
            raise BadRecord(name, f"{name} is missing.")
    return Usage(
        record_id=_id(document["id"]),
        iccid=_iccid(document["iccid"]),
        used_at=_instant(document["usedAt"]),
        bytes=_bytes(document["bytes"]),
        country=_country(document["country"]),
    )


def _id(value: Any) -> str:
    # Not every database can store NUL or half of a surrogate pair. Neither is printable.
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST_ID:
        raise BadRecord("id", f"id must be a string of 1 to {LONGEST_ID} printable characters.")
    return value


def _iccid(value: Any) -> str:
    detail = "iccid must be a string of 18 to 20 digits with a correct check digit."
    return _parsed(Iccid.parse, value, "iccid", detail)


def _country(value: Any) -> str:
    return _parsed(Country.parse, value, "country", "country must be an ISO 3166-1 alpha-2 code.")


def _parsed(parse: Callable[[str], str], value: Any, name: str, detail: str) -> str:
    if not isinstance(value, str):
        raise BadRecord(name, detail)
    try:
        # A plain str, so that it equals the value that is later read from the database.
        return str(parse(value))
    except InvalidIdentifier as error:
        raise BadRecord(name, detail) from error


def _instant(value: Any) -> datetime:
    detail = "usedAt must be a time with a UTC offset (RFC 3339), such as 2026-01-31T23:59:59Z."
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise BadRecord("usedAt", detail)
    try:
        return parse_instant(value)
    except ValueError as error:
        raise BadRecord("usedAt", detail) from error


def _bytes(value: Any) -> int:
    number = whole_number(value)
    if number is None or not 0 <= number <= MOST_BYTES:
        raise BadRecord("bytes", f"bytes must be a whole number from 0 to {MOST_BYTES}.")
    return number
