"""A CSV file of SIMs: each line becomes a checked row, or the fault that was found in it."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
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
from moportal.text.csv_files import SHOWN, CsvFile, Fault, Row

COLUMNS = ("iccid", "kind", "profile_type", "provider", "imsi", "msisdn", "puk")
REQUIRED = ("iccid", "kind")
LONGEST_TYPE = 40

HINTS = {
    "iccid": "An ICCID is 18 to 20 digits (a spreadsheet may have made 8.9E+18 of it: "
    "keep the column as text).",
    "imsi": "An IMSI is 14 or 15 digits; leave it empty if it is not known.",
    "msisdn": "An MSISDN is 5 to 15 digits without plus and spaces; leave it empty if it is "
    "not known.",
    "puk": "A PUK is 8 digits, or its last 4; leave it empty if it is not known.",
}


class SimRow(NamedTuple):
    """A line whose values are valid; it may still contradict the stock or another line."""

    number: int
    iccid: str
    kind: str
    profile_type: str
    provider_id: int | None
    imsi: str
    msisdn: str
    puk_ending: str


class _InvalidValue(Exception):
    """A value that its column does not allow: column, value, problem."""


# Kind, profile type, and the provider's key.
StockColumns = tuple[str, str, int | None]


class SimFile:
    """An open file of SIMs: its header is read at once, its lines when they are iterated over.

    `providers` maps each provider's code to its key. `provider` is the code for profiles whose line
    names none. Raises `moportal.text.csv_files.UnreadableHeader`.
    """

    def __init__(self, file: BinaryIO, *, providers: Mapping[str, int], provider: str = "") -> None:
        self._rows = CsvFile(file, columns=COLUMNS, required=REQUIRED)
        self._providers, self._provider = providers, provider
        # A file has many lines but few kinds of SIM.
        self._stock_columns = lru_cache(maxsize=1000)(self._parse_stock_columns)

    def __iter__(self) -> Iterator[SimRow | Fault]:
        """Return each line that has a value: as a checked row, or as its fault."""
        for row in self._rows:
            if isinstance(row, Fault):
                yield row
                continue
            try:
                yield self._parse_row(row)
            except _InvalidValue as error:
                column, value, problem = error.args
                yield Fault(row.number, column, value[:SHOWN], problem)

    def _parse_row(self, row: Row) -> SimRow:
        iccid, kind, profile_type, provider, imsi, msisdn, puk = row.values
        try:
            return SimRow(
                row.number,
                Iccid.parse(iccid),
                *self._stock_columns(kind, profile_type, provider),
                Imsi.parse(imsi) if imsi else "",
                Msisdn.parse(msisdn) if msisdn else "",
                _puk_ending(puk),
            )
        except InvalidIccid as error:
            raise _InvalidValue("iccid", iccid, _iccid_hint(iccid)) from error
        except InvalidIdentifier as error:
            column = "imsi" if isinstance(error, InvalidImsi) else "msisdn"
            raise _InvalidValue(column, str(error), HINTS[column]) from error

    def _parse_stock_columns(self, kind: str, profile_type: str, provider: str) -> StockColumns:
        kind = kind.lower()
        if kind not in Sim.Kind.values:
            raise _InvalidValue("kind", kind, "A SIM is physical or profile.")
        is_profile = kind == Sim.Kind.PROFILE
        if len(profile_type) > LONGEST_TYPE or not profile_type.isprintable():
            problem = f"A profile type has at most {LONGEST_TYPE} printable characters."
            raise _InvalidValue("profile_type", profile_type, problem)
        if is_profile and not profile_type:
            raise _InvalidValue("profile_type", "", "An eSIM profile needs a profile type.")
        code = provider or (self._provider if is_profile else "")
        # A card needs no provider, but a profile is ordered from one.
        if is_profile and not code:
            raise _InvalidValue("provider", "", "An eSIM profile needs a provider.")
        if code and code not in self._providers:
            known = ", ".join(self._providers) or "none"
            raise _InvalidValue("provider", code, f"Unknown provider. Known providers: {known}.")
        return kind, profile_type, self._providers[code] if code else None


def _puk_ending(puk: str) -> str:
    """Return the last four digits of a PUK, which has eight. Only these are stored."""
    if puk and not re.fullmatch(r"(?:[0-9]{4}){1,2}", puk, re.ASCII):
        # The value is a secret, so the fault does not repeat it.
        raise _InvalidValue("puk", "", HINTS["puk"])
    return puk[-4:]


def _iccid_hint(iccid: str) -> str:
    body = iccid.rstrip("Ff")[:-1]
    if not body.isascii() or not body.isdigit() or len(body) not in range(17, 20):
        return HINTS["iccid"]
    return f"The check digit is wrong: after {body} comes {luhn_digit(body)}. Was it mistyped?"
