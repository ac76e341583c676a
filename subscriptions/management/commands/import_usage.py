"""`manage.py import_usage FILE --source NAME`: count usage from a CSV file (docs/usage.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from moportal.text.csv_files import Fault, UnreadableHeader
from subscriptions.domain.importing import import_usage
from subscriptions.models import UsageRecord

# Faults shown on the terminal; a file may have a million.
SHOWN = 20


class Command(BaseCommand):
    """Imports usage from a CSV file: counts correct lines and shows the others. Safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--source",
            required=True,
            metavar="NAME",
            help="the charging system that the file comes from",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check the file without saving anything"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        longest = UsageRecord._meta.get_field("source").max_length
        if not 0 < len(options["source"]) <= (longest or 0):
            raise CommandError(f"--source must have 1 to {longest} characters.")
        try:
            with options["file"].open("rb") as file:
                report = import_usage(
                    file,
                    source=options["source"],
                    is_dry_run=options["dry_run"],
                    report_fault=self._show,
                )
        except (UnreadableHeader, OSError) as error:
            raise CommandError(str(error)) from error
        if self._faults > SHOWN:
            self.stderr.write(f"… and {self._faults - SHOWN} more.")
        self.stdout.write(f"{report}.")
        if options["dry_run"]:
            self.stdout.write("This was a dry run. Nothing was saved.")
        elif report.refused:
            raise CommandError("Correct the refused lines and import the file again.")

    _faults = 0

    def _show(self, fault: Fault) -> None:
        self._faults += 1
        if self._faults <= SHOWN:
            where = f"line {fault.number}: {fault.column}".removesuffix(": ")
            self.stderr.write(f"{where}: {fault.problem}")
