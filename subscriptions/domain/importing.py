"""Import of usage records from a CSV file: line by line, counted in batches, safe to repeat."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from moportal.text.csv_files import CsvFile, Fault, Row
from subscriptions.domain import usage
from subscriptions.records import NAMES

# The largest number of bytes that a record may have fits into 16 digits. Spreadsheets may
# write a whole number with zeros after the point.
_WHOLE_NUMBER = re.compile(r"([0-9]{1,16})(\.0{1,9})?", re.ASCII)


@dataclass
class Report:
    """How many lines of a file were counted, repeated and refused."""

    taken: int = 0
    repeated: int = 0
    on_no_line: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.taken} taken, {self.repeated} repeated ({self.on_no_line} of them on no line), "
            f"{self.refused} refused"
        )


def import_usage(
    file: BinaryIO, *, source: str, is_dry_run: bool = False, report_fault: Callable[[Fault], None]
) -> Report:
    """Count the records of a file, and return how many; each refused line is reported.

    Each batch is one transaction, so after a failure the whole file can be imported again. A dry
    run rolls each batch back: a record that occurs in two batches then counts as taken twice.
    Raises `moportal.text.csv_files.UnreadableHeader`.
    """
    report = Report()
    lines = iter(CsvFile(file, columns=NAMES, required=NAMES))
    while batch := list(islice(lines, settings.USAGE_BATCH)):
        faults = [line for line in batch if isinstance(line, Fault)]
        rows = [line for line in batch if isinstance(line, Row)]
        faults += _count(rows, source, report, is_dry_run=is_dry_run)
        report.refused += len(faults)
        for fault in faults:
            report_fault(fault)
    return report


def _count(rows: list[Row], source: str, report: Report, *, is_dry_run: bool) -> list[Fault]:
    with transaction.atomic():
        tally = usage.store_records(source, [_record(row) for row in rows], now())
        # The rollback comes after the count, so that a dry run
        # reports what an import would do.
        transaction.set_rollback(is_dry_run)
    report.taken += tally.taken
    report.repeated += tally.repeated
    report.on_no_line += len(tally.on_no_line)
    return [
        Fault(rows[refusal.index].number, refusal.parameter, "", refusal.detail)
        for refusal in tally.refused
    ]


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = dict(zip(NAMES, row.values, strict=True))
    # Anything else stays text, and `records.parse_usage` refuses
    # it with the right reason.
    if quantity := _WHOLE_NUMBER.fullmatch(record["bytes"]):
        record["bytes"] = int(quantity[1])
    return record
