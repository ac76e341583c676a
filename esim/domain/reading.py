"""A file of SIMs, read line by line: each line is checked for itself, or told with its fault.

Nothing is kept of a line that was read, so that a file may have any length.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from esim.models import Sim
from moportal.identifiers import (
    Iccid,
    Imsi,
    InvalidIccid,
    InvalidIdentifier,
    InvalidImsi,
    Msisdn,
    luhn_digit,
)

COLUMNS = ("iccid", "kind", "profile_type", "provider", "imsi", "msisdn")
NEEDED = ("iccid", "kind")
# Bytes. No line of ours is a tenth as long; a file without line ends must not be read whole.
LONGEST_LINE = 2000
LONGEST_TYPE = 40
# Characters of a wrong value that are shown.
SHOWN = 60

HOW_TO_MEND = {
    "iccid": "An ICCID is 18 to 20 digits (a spreadsheet may have made 8.9E+18 of it: "
    "keep the column as text).",
    "imsi": "An IMSI is 14 or 15 digits; leave it empty where it is not known.",
    "msisdn": "An MSISDN is 5 to 15 digits without plus and spaces; leave it empty where it is "
    "not known.",
}


class UnreadableHeader(Exception):
    """The first line does not name the columns; the message says what is wrong with it."""


class SimRow(NamedTuple):
    """A line that is right in itself."""

    number: int
    iccid: str
    kind: str
    profile_type: str
    provider_id: int | None
    imsi: str
    msisdn: str


class Fault(NamedTuple):
    """A line in error: where, what stands there, and how to mend it."""

    number: int
    column: str
    value: str
    problem: str


class _Wrong(Exception):
    """A value cannot be what its column says: column, value, problem."""


Stock = tuple[str, str, int | None]


class SimFile:
    """An open file: its header is read at once, its lines when they are iterated over.

    `providers` are the keys by code; `provider` is the code where a profile's line names none.
    Raises `UnreadableHeader`.
    """

    def __init__(self, file: BinaryIO, *, providers: Mapping[str, int], provider: str = "") -> None:
        self._file = file
        self._providers, self._provider = providers, provider
        names, self._delimiter = _header(file.readline(LONGEST_LINE))
        self._width = len(names)
        # A column that is not there is read from behind the last one, where nothing stands.
        places = [names.index(name) if name in names else self._width for name in COLUMNS]
        self._in_order: Callable[[list[str]], tuple[str, ...]] = itemgetter(*places)
        # A file has many lines and few kinds of SIM.
        self._stock = lru_cache(maxsize=1000)(self._read_stock)

    def __iter__(self) -> Iterator[SimRow | Fault]:
        """Give every line but empty ones: as what it says, or as its fault."""
        lines = iter(partial(self._file.readline, LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=2):
            if not line.strip():
                continue
            try:
                yield self._read(number, self._whole(line))
            except _Wrong as wrong:
                column, value, problem = wrong.args
                yield Fault(number, column, value[:SHOWN], problem)

    def _whole(self, line: bytes) -> str:
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = self._file.readline(LONGEST_LINE)
            raise _Wrong("", "", f"The line has more than {LONGEST_LINE} characters.")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            shown = line.decode(errors="backslashreplace").strip()
            problem = f"Byte {error.start + 1} is not UTF-8: save the file as UTF-8."
            raise _Wrong("", shown, problem) from error

    def _read(self, number: int, line: str) -> SimRow:
        iccid, kind, profile_type, provider, imsi, msisdn = self._in_order(self._values(line))
        try:
            return SimRow(
                number,
                Iccid.parse(iccid),
                *self._stock(kind, profile_type, provider),
                Imsi.parse(imsi) if imsi else "",
                Msisdn.parse(msisdn) if msisdn else "",
            )
        except InvalidIccid as error:
            raise _Wrong("iccid", iccid, _mended(iccid)) from error
        except InvalidIdentifier as error:
            column = "imsi" if isinstance(error, InvalidImsi) else "msisdn"
            raise _Wrong(column, str(error), HOW_TO_MEND[column]) from error

    def _values(self, line: str) -> list[str]:
        """Take the line apart; a quote that is never closed must not swallow the next lines."""
        if '"' in line:
            try:
                (values,) = csv.reader([line], delimiter=self._delimiter, strict=True)
            except csv.Error as error:
                raise _Wrong("", line.strip(), f"The quotes do not match: {error}.") from error
        else:
            values = line.split(self._delimiter)
        if len(values) != self._width:
            problem = f"{len(values)} values where the first line names {self._width} columns."
            raise _Wrong("", line.strip(), problem)
        return [*map(str.strip, values), ""]

    def _read_stock(self, kind: str, profile_type: str, provider: str) -> Stock:
        """Read what is the same for many lines: kind, profile type, the provider's key."""
        kind = kind.lower()
        if kind not in Sim.Kind.values:
            raise _Wrong("kind", kind, "A SIM is physical or profile.")
        is_profile = kind == Sim.Kind.PROFILE
        if len(profile_type) > LONGEST_TYPE or not profile_type.isprintable():
            problem = f"A profile type is at most {LONGEST_TYPE} readable characters."
            raise _Wrong("profile_type", profile_type, problem)
        if is_profile and not profile_type:
            raise _Wrong("profile_type", "", "An eSIM profile needs its profile type.")
        code = provider or (self._provider if is_profile else "")
        if is_profile and not code:
            raise _Wrong("provider", "", "An eSIM profile needs its provider.")
        if code and code not in self._providers:
            known = ", ".join(self._providers) or "none"
            raise _Wrong("provider", code, f"There is no such provider; there are: {known}.")
        return kind, profile_type, self._providers[code] if code else None


def _mended(iccid: str) -> str:
    body = iccid.rstrip("Ff")[:-1]
    if not body.isascii() or not body.isdigit() or len(body) not in range(17, 20):
        return HOW_TO_MEND["iccid"]
    return f"The check digit is wrong: after {body} comes {luhn_digit(body)}. Was it mistyped?"


def _header(line: bytes) -> tuple[list[str], str]:
    """Read the names of the columns, and what stands between them."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableHeader("Line 1 is not UTF-8: save the file as UTF-8.") from error
    delimiter = ";" if ";" in text else ","
    names = [name.strip().strip('"').lower() for name in text.split(delimiter)]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        raise UnreadableHeader(_what_is_wrong(unknown, missing))
    return names, delimiter


def _what_is_wrong(unknown: list[str], missing: list[str]) -> str:
    what = "A column is named twice."
    if unknown:
        what = f"There is no column “{unknown[0][:SHOWN]}”."
    elif missing:
        what = f"The column “{missing[0]}” is missing."
    return f"Line 1: {what} The first line names the columns: {', '.join(COLUMNS)}."
