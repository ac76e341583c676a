"""Import of a gateway's books from a CSV file, for gateways that do not list them.

The file holds all entries of some days. Correct lines are stored, and each wrong line is reported.
The days are complete, and are compared, only if the file has no wrong line. So the whole corrected
file is imported again. A stored entry is not stored twice.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import BinaryIO

from django.db import transaction
from django.utils.timezone import now

from moportal.money import MINOR_UNIT_DIGITS, Money
from moportal.text.csv_files import CsvFile, Fault, Row
from payments.domain import comparing
from payments.domain.booked import last_day
from payments.domain.entries import store_entries
from payments.gateways.answers import LONGEST_TEXT
from payments.gateways.entries import Entry
from payments.models import BookDay
from payments.states import EntryKind

COLUMNS = (
    *("entry", "kind", "booked_on", "amount", "currency", "fee"),
    *("payment", "cause", "reference", "payout"),
)
REQUIRED = COLUMNS[:5]
BATCH = 500
# Whole units with decimals, negative where money leaves the operator.
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass
class Report:
    """How many lines of a file were new, known, changed or refused."""

    new: int = 0
    repeated: int = 0
    changed: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.new} new, {self.repeated} known, {self.changed} changed, {self.refused} refused"
        )


class DayNotOver(Exception):
    """The last day of the file is not over in any time zone, so entries may be missing."""


class _WrongValue(Exception):
    """A value that cannot be used: its column, the value, and how to correct it."""


def import_books(
    file: BinaryIO, *, gateway: str, first: date, last: date, report_fault: Callable[[Fault], None]
) -> Report:
    """Store the entries of the file, and compare its days if no line is wrong.

    The file must hold all entries from `first` to `last`. Raises `DayNotOver`, or
    `moportal.text.csv_files.UnreadableHeader`.
    """
    if last >= last_day(now()):
        raise DayNotOver(f"{last} is not over yet.")
    report = Report()
    lines = iter(CsvFile(file, columns=COLUMNS, required=REQUIRED))
    while batch := list(islice(lines, BATCH)):
        entries = []
        for line in batch:
            parsed = line if isinstance(line, Fault) else _parse(line, first, last)
            if isinstance(parsed, Fault):
                report.refused += 1
                report_fault(parsed)
            else:
                entries.append(parsed)
        tally = store_entries(gateway, entries)
        report.new += tally.new
        report.repeated += tally.repeated
        report.changed += tally.changed
    if not report.refused:
        _complete(gateway, first, last)
        comparing.compare_complete_days(gateway)
    return report


@transaction.atomic
def _complete(gateway: str, first: date, last: date) -> None:
    """Store that all entries of these days are known."""
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    rows = [BookDay(gateway=gateway, day=day) for day in span]
    BookDay.objects.bulk_create(rows, ignore_conflicts=True)
    days = BookDay.objects.filter(gateway=gateway, day__range=(first, last))
    days.update(is_complete=True, compared_at=None, after="", tries=0, last_error="")


def _parse(row: Row, first: date, last: date) -> Entry | Fault:
    """Return the line's entry, or its fault."""
    values = dict(zip(COLUMNS, row.values, strict=True))
    try:
        currency = _currency(values)
        entry = Entry(
            _id(values),
            _kind(values),
            _day(values, first, last),
            Money(_minor_units(values, "amount", currency), currency),
            fee=_minor_units(values, "fee", currency) if values["fee"] else 0,
            gateway_id=_text(values, "payment"),
            cause_id=_text(values, "cause"),
            reference=_text(values, "reference"),
            payout_id=_text(values, "payout"),
        )
    except _WrongValue as wrong:
        column, problem = wrong.args
        return Fault(row.number, column, values[column], problem)
    return entry


def _id(values: dict[str, str]) -> str:
    if not values["entry"]:
        raise _WrongValue("entry", "The gateway's id of the entry is missing.")
    return _text(values, "entry")


def _kind(values: dict[str, str]) -> EntryKind:
    if values["kind"].lower() not in EntryKind.values:
        raise _WrongValue("kind", f"Use one of these: {', '.join(EntryKind.values)}.")
    return EntryKind(values["kind"].lower())


def _day(values: dict[str, str], first: date, last: date) -> date:
    text = values["booked_on"]
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise _WrongValue("booked_on", "Write the day like 2026-11-30.")
    # An entry of an earlier day is allowed if a payout now pays it.
    if day > last or (day < first and not values["payout"]):
        raise _WrongValue("booked_on", f"The file is for {first} to {last}.")
    return day


def _currency(values: dict[str, str]) -> str:
    if values["currency"] not in MINOR_UNIT_DIGITS:
        raise _WrongValue("currency", "Use a currency code of ISO 4217, such as EUR.")
    return values["currency"]


def _minor_units(values: dict[str, str], column: str, currency: str) -> int:
    text = values[column]
    units = Decimal(text).scaleb(MINOR_UNIT_DIGITS[currency]) if _AMOUNT.fullmatch(text) else None
    if units is None or units != int(units):
        digits = MINOR_UNIT_DIGITS[currency]
        example = f"{Decimal(-19):.{digits}f}"
        raise _WrongValue(column, f"Write the amount in whole {currency} like {example}.")
    return int(units)


def _text(values: dict[str, str], column: str) -> str:
    if len(values[column]) > LONGEST_TEXT or "\0" in values[column]:
        raise _WrongValue(column, f"An id has at most {LONGEST_TEXT} characters.")
    return values[column]
