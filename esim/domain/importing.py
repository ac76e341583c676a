"""SIMs come into the stock by a file: checked line by line, merged at once, safe to repeat."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import structlog
from django.db import connection, transaction

from esim.domain import merging, ranges
from esim.domain.reading import Fault, SimFile, SimRow
from esim.models import SmdpProvider

log = structlog.get_logger(__name__)


class UnknownProvider(Exception):
    """No provider has this code."""


@dataclass(frozen=True)
class Report:
    """What came of a file, line by line; where it was not imported, what would come of it."""

    new: int
    filled: int
    there: int
    faults: int
    is_imported: bool

    def __str__(self) -> str:
        return (
            f"{self.new} new, {self.filled} filled, {self.there} already there, "
            f"{self.faults} in error"
        )


@transaction.atomic
def import_sims(
    file: BinaryIO,
    *,
    provider: str = "",
    is_dry_run: bool = False,
    skips_errors: bool = False,
    tell: Callable[[Fault], None],
) -> Report:
    """Put the SIMs of a file into the stock, and say how many.

    A line that is there already changes nothing, but fills in an IMSI or MSISDN that was missing.
    Each line in error is told; while there is one, nothing is imported unless `skips_errors`.
    `provider` is the code for profiles whose line names none.
    Raises `reading.UnreadableHeader` and `UnknownProvider`.
    """
    providers = dict(SmdpProvider.objects.order_by("code").values_list("code", "pk"))
    if provider and provider not in providers:
        raise UnknownProvider(provider)
    ranges.hold()
    counting = _Counting(tell)

    def may_write() -> bool:
        return not is_dry_run and (skips_errors or not counting.faults)

    merge = merging.by_copy if connection.vendor == "postgresql" else merging.plainly
    merged = merge(
        counting.right(SimFile(file, providers=providers, provider=provider)),
        is_in_programme=ranges.lookup(),
        tell=counting,
        may_write=may_write,
    )
    report = Report(*merged, faults=counting.faults, is_imported=may_write())
    log.info("sims imported" if report.is_imported else "sims not imported", report=str(report))
    return report


class _Counting:
    """Passes faults on and knows how many there were."""

    def __init__(self, tell: Callable[[Fault], None]) -> None:
        self._tell = tell
        self.faults = 0

    def __call__(self, fault: Fault) -> None:
        self.faults += 1
        self._tell(fault)

    def right(self, lines: SimFile) -> Iterator[SimRow]:
        """Give the lines that are right in themselves."""
        for line in lines:
            if isinstance(line, SimRow):
                yield line
            else:
                self(line)
