"""`manage.py import_usage FILE --source NAME`: count usage from a CSV file (docs/usage.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscriptions.domain.importing import Fault, UnreadableHeader, import_usage
from subscriptions.models import UsageRecord

# Faults shown on the terminal; a file may have a million.
SHOWN = 20


class Command(BaseCommand):
    """Takes every line that is right, and tells each that is not; safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--source", required=True, metavar="NAME", help="which charging system tells of it"
        )
        parser.add_argument("--dry-run", action="store_true", help="check, and write nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        longest = UsageRecord._meta.get_field("source").max_length
        if not 0 < len(options["source"]) <= (longest or 0):
            raise CommandError(f"A source has 1 to {longest} characters.")
        try:
            with options["file"].open("rb") as file:
                report = import_usage(
                    file, source=options["source"], is_dry_run=options["dry_run"], tell=self._tell
                )
        except (UnreadableHeader, OSError) as error:
            raise CommandError(str(error)) from error
        if self._told > SHOWN:
            self.stderr.write(f"… and {self._told - SHOWN} more.")
        self.stdout.write(f"{report}.")
        if options["dry_run"]:
            self.stdout.write("Nothing was written: this was a dry run.")
        elif report.refused:
            raise CommandError("Mend the lines that were refused, and give the file again.")

    _told = 0

    def _tell(self, fault: Fault) -> None:
        self._told += 1
        if self._told <= SHOWN:
            where = f"line {fault.number}: {fault.column}".removesuffix(": ")
            self.stderr.write(f"{where}: {fault.problem}")
