"""`manage.py reseal`: encrypt all sealed texts with the first key of SEAL_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from moportal.database.resealing import (
    Count,
    SealedColumn,
    count_rows,
    reseal_column,
    sealed_columns,
)

# Keys of unreadable rows that are shown on the terminal.
SHOWN = 10


class Command(BaseCommand):
    """Encrypts all sealed texts with the newest key. Safe to stop, and safe to repeat."""

    help = "Encrypt all sealed texts with the first key of SEAL_KEYS, so that the others can go."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only count the rows that need an older key"
        )
        parser.add_argument(
            "--batch",
            type=int,
            default=500,
            metavar="ROWS",
            help="rows in one transaction (500)",
        )

    def handle(self, *, check: bool, batch: int, **_options: Any) -> None:
        if batch < 1:
            raise CommandError("--batch must be 1 or more.")

        left = unreadable = 0
        for column in sealed_columns():
            written = 0 if check else reseal_column(column, batch)
            # Another process may have written with an older key meanwhile.
            count = count_rows(column, batch)
            self._report(column, count, written)
            left += count.outdated
            unreadable += len(count.unreadable)
        self._conclude(left, unreadable, is_check=check)

    def _report(self, column: SealedColumn, count: Count, written: int) -> None:
        self.stdout.write(
            f"{column}: {count.rows} rows, {written} encrypted again, "
            f"{count.outdated} need an older key, {len(count.unreadable)} unreadable"
        )
        if count.unreadable:
            keys = ", ".join(map(str, count.unreadable[:SHOWN]))
            more = " …" if len(count.unreadable) > SHOWN else ""
            self.stderr.write(f"{column}: no key of SEAL_KEYS opens {keys}{more}")

    def _conclude(self, left: int, unreadable: int, *, is_check: bool) -> None:
        """Raise `CommandError` while an older key must stay."""
        if unreadable:
            raise CommandError(f"{unreadable} rows cannot be read. Add their key to SEAL_KEYS.")
        if left and is_check:
            raise CommandError(f"{left} rows need an older key. Run reseal without --check.")
        if left:
            raise CommandError(
                f"{left} rows still need an older key: a process still encrypts with it. Restart "
                "every process with the new SEAL_KEYS, then run reseal again."
            )
        self.stdout.write("Every row is encrypted with the first key. The others can be removed.")
