"""`manage.py import_sims FILE`: put the SIMs of a CSV file into the stock (docs/inventory.md)."""

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from esim.domain.importing import UnknownProvider, import_sims
from moportal.text.csv_files import Fault, UnreadableHeader

# Faults shown on the terminal; a file may have a million.
SHOWN = 20


class Command(BaseCommand):
    """Imports SIMs from a CSV file: all lines, or none if a line has an error. Safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--dry-run", action="store_true", help="check the file without saving anything"
        )
        parser.add_argument(
            "--provider",
            default="",
            metavar="CODE",
            help="the provider of profiles whose line names none",
        )
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="write all errors to this CSV file"
        )
        parser.add_argument(
            "--skip-errors",
            action="store_true",
            help="import the correct lines and skip the others",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with ExitStack() as files:
            faults = _Faults(self, files, options["errors"])
            try:
                report = import_sims(
                    files.enter_context(options["file"].open("rb")),
                    provider=options["provider"],
                    is_dry_run=options["dry_run"],
                    skips_errors=options["skip_errors"],
                    report_fault=faults.show,
                )
            except UnknownProvider as error:
                raise CommandError(f"There is no provider “{error}”.") from error
            except (UnreadableHeader, OSError) as error:
                raise CommandError(str(error)) from error
        faults.show_rest()
        self.stdout.write(f"{report}.")
        if options["dry_run"]:
            self.stdout.write("This was a dry run. Nothing was saved.")
        elif not report.is_imported:
            raise CommandError("Nothing was imported. Correct the lines or use --skip-errors.")


class _Faults:
    """Shows the first faults, and writes all of them to a file if one is given."""

    def __init__(self, command: BaseCommand, files: ExitStack, file: Path | None) -> None:
        self._command, self._count = command, 0
        self._writer = None
        if file is not None:
            opened = files.enter_context(file.open("w", encoding="utf-8", newline=""))
            self._writer = csv.writer(opened)
            self._writer.writerow(["line", "column", "value", "problem"])

    def show(self, fault: Fault) -> None:
        self._count += 1
        if self._writer is not None:
            self._writer.writerow(fault)
        if self._count <= SHOWN:
            what = f"{fault.column} “{fault.value}”".strip()
            self._command.stderr.write(f"line {fault.number}: {what}: {fault.problem}")

    def show_rest(self) -> None:
        if self._count > SHOWN:
            where = "" if self._writer else " Use --errors FILE to get all of them."
            self._command.stderr.write(f"… and {self._count - SHOWN} more.{where}")
