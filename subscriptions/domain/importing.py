"""Usage records come in by a file: read line by line, counted in batches, safe to repeat."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from subscriptions.domain import usage
from subscriptions.records import NAMES

# Bytes. No line of ours is a tenth as long; a file without line ends must not be read whole.
LONGEST_LINE = 2000


class UnreadableHeader(Exception):
    """The first line does not name the columns; the message says what is wrong with it."""


class Fault(NamedTuple):
    """A line that was not taken: where, which column, and why."""

    number: int
    column: str
    problem: str


@dataclass
class Report:
    """What came of a file, line by line."""

    taken: int = 0
    repeated: int = 0
    on_no_line: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.taken} taken, {self.repeated} repeated ({self.on_no_line} of them on no line), "
            f"{self.refused} refused"
        )


class _Line(NamedTuple):
    """A line as the record it says, or why it says none."""

    number: int
    said: Any
    problem: str = ""


def import_usage(
    file: BinaryIO, *, source: str, is_dry_run: bool = False, tell: Callable[[Fault], None]
) -> Report:
    """Count the records of a file, and say how many; each line that is refused is told.

    A batch is a transaction: a file that was cut short is given again from its start. A dry run
    undoes each batch, so a record that comes twice, far apart, counts as taken twice in its report.
    Raises `UnreadableHeader`.
    """
    report = Report()
    lines = _read(file)
    while batch := list(islice(lines, settings.USAGE_BATCH)):
        for line in batch:
            if line.problem:
                report.refused += 1
                tell(Fault(line.number, "", line.problem))
        _count([line for line in batch if not line.problem], source, is_dry_run, report, tell)
    return report


def _count(
    batch: list[_Line],
    source: str,
    is_dry_run: bool,  # noqa: FBT001 -- as the caller has it
    report: Report,
    tell: Callable[[Fault], None],
) -> None:
    with transaction.atomic():
        tally = usage.record(source, [line.said for line in batch], now())
        transaction.set_rollback(is_dry_run)
    report.taken += tally.taken
    report.repeated += tally.repeated
    report.on_no_line += len(tally.on_no_line)
    report.refused += len(tally.refused)
    for refusal in tally.refused:
        tell(Fault(batch[refusal.index].number, refusal.parameter, refusal.detail))


def _read(file: BinaryIO) -> Iterator[_Line]:
    names, delimiter = _header(file.readline(LONGEST_LINE))
    lines = enumerate(iter(partial(file.readline, LONGEST_LINE), b""), start=2)
    for number, line in lines:
        if not line.strip():
            continue
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)  # noqa: PLW2901 -- the rest of the same line
            yield _Line(number, None, f"The line has more than {LONGEST_LINE} characters.")
            continue
        try:
            yield _Line(number, _said(line, names, delimiter))
        except ValueError as error:
            yield _Line(number, None, str(error))


def _said(line: bytes, names: list[str], delimiter: str) -> dict[str, Any]:
    """Take a line apart; a quote that is never closed must not swallow the next lines."""
    try:
        (values,) = csv.reader([line.decode()], delimiter=delimiter, strict=True)
    except UnicodeDecodeError as error:
        raise ValueError("The line is not UTF-8: save the file as UTF-8.") from error
    except csv.Error as error:
        raise ValueError(f"The quotes do not match: {error}.") from error
    if len(values) != len(names):
        raise ValueError(f"{len(values)} values where line 1 names {len(names)} columns.")
    said: dict[str, Any] = dict(zip(names, map(str.strip, values), strict=True))
    # Sixteen digits hold the most that a record may say.
    if said["bytes"].isascii() and said["bytes"].isdigit() and len(said["bytes"]) <= 16:  # noqa: PLR2004 -- as above
        said["bytes"] = int(said["bytes"])
    return said


def _header(line: bytes) -> tuple[list[str], str]:
    """Read the names of the columns, and what stands between them."""
    text = line.decode("utf-8-sig", errors="replace")
    delimiter = ";" if ";" in text else ","
    given = {name.lower(): name for name in NAMES}
    names = [name.strip().strip('"').lower() for name in text.split(delimiter)]
    if sorted(names) != sorted(given):
        raise UnreadableHeader(f"Line 1 names the columns, in any order: {', '.join(NAMES)}.")
    return [given[name] for name in names], delimiter
