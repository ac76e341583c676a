"""`manage.py import_books FILE --gateway NAME --first DAY --last DAY` (docs/payments.md#books)."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from moportal.text.csv_files import Fault, UnreadableHeader
from payments.domain.importing import DayNotOver, import_books
from payments.gateways import gateways

# Faults shown on the terminal; a file may have many.
SHOWN = 20


class Command(BaseCommand):
    """Imports a gateway's books from a CSV file and compares its days. Safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--gateway", required=True, choices=sorted(gateways()))
        for name, what in (("--first", "first"), ("--last", "last")):
            parser.add_argument(
                name,
                required=True,
                type=date.fromisoformat,
                metavar="YYYY-MM-DD",
                help=f"the {what} of the days of which the file has all entries",
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if first > last:
            raise CommandError("--first must not be after --last.")
        try:
            with options["file"].open("rb") as file:
                report = import_books(
                    file,
                    gateway=options["gateway"],
                    first=first,
                    last=last,
                    report_fault=self._show,
                )
        except (DayNotOver, UnreadableHeader, OSError) as error:
            raise CommandError(str(error)) from error
        if report.refused > SHOWN:
            self.stderr.write(f"… and {report.refused - SHOWN} more.")
        self.stdout.write(f"{report}.")
        if report.refused:
            raise CommandError(
                "Nothing was compared. Correct the refused lines and import the file again."
            )

    _faults = 0

    def _show(self, fault: Fault) -> None:
        self._faults += 1
        if self._faults <= SHOWN:
            where = f"line {fault.number}: {fault.column}".removesuffix(": ")
            self.stderr.write(f"{where}: {fault.problem}")
