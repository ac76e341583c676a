"""`manage.py import_sims FILE`: put the SIMs of a CSV file into the stock (docs/inventory.md)."""

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from esim.domain.importing import UnknownProvider, import_sims
from esim.domain.reading import Fault, UnreadableHeader

# Faults shown on the terminal; a file may have a million.
SHOWN = 20


class Command(BaseCommand):
    """Imports all lines or none, unless told to skip those in error; safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="check, and write nothing")
        parser.add_argument(
            "--provider", default="", metavar="CODE", help="for profiles whose line names none"
        )
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="write every line in error to this CSV file"
        )
        parser.add_argument(
            "--skip-errors", action="store_true", help="import what is right in spite of errors"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with ExitStack() as held:
            faults = _Faults(self, held, options["errors"])
            try:
                report = import_sims(
                    held.enter_context(options["file"].open("rb")),
                    provider=options["provider"],
                    is_dry_run=options["dry_run"],
                    skips_errors=options["skip_errors"],
                    tell=faults.tell,
                )
            except UnknownProvider as error:
                raise CommandError(f"There is no provider “{error}”.") from error
            except (UnreadableHeader, OSError) as error:
                raise CommandError(str(error)) from error
        faults.say_how_many_more()
        self.stdout.write(f"{report}.")
        if options["dry_run"]:
            self.stdout.write("Nothing was written: this was a dry run.")
        elif not report.is_imported:
            raise CommandError("Nothing was imported. Mend the lines, or give --skip-errors.")


class _Faults:
    """Shows the first faults, and writes all of them to a file where one is named."""

    def __init__(self, command: BaseCommand, held: ExitStack, file: Path | None) -> None:
        self._command, self._told = command, 0
        self._writer = None
        if file is not None:
            opened = held.enter_context(file.open("w", encoding="utf-8", newline=""))
            self._writer = csv.writer(opened)
            self._writer.writerow(["line", "column", "value", "problem"])

    def tell(self, fault: Fault) -> None:
        self._told += 1
        if self._writer is not None:
            self._writer.writerow(fault)
        if self._told <= SHOWN:
            what = f"{fault.column} “{fault.value}”".strip()
            self._command.stderr.write(f"line {fault.number}: {what}: {fault.problem}")

    def say_how_many_more(self) -> None:
        if self._told > SHOWN:
            where = "" if self._writer else " --errors FILE has all of them."
            self._command.stderr.write(f"… and {self._told - SHOWN} more.{where}")
