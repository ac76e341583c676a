"""Import of SIMs from a file: each line is checked, all are merged at once, safe to repeat."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import structlog
from django.db import connection, transaction

from esim.domain import merging, ranges
from esim.domain.sim_files import SimFile, SimRow
from esim.models import SmdpProvider
from moportal.text.csv_files import Fault

log = structlog.get_logger(__name__)


class UnknownProvider(Exception):
    """No provider has this code."""


@dataclass(frozen=True)
class Report:
    """What the lines of a file did; if it was not imported, what they would have done."""

    new: int
    filled: int
    unchanged: int
    faults: int
    is_imported: bool

    def __str__(self) -> str:
        return (
            f"{self.new} new, {self.filled} filled, {self.unchanged} already there, "
            f"{self.faults} with errors"
        )


@transaction.atomic
def import_sims(
    file: BinaryIO,
    *,
    provider: str = "",
    is_dry_run: bool = False,
    skips_errors: bool = False,
    report_fault: Callable[[Fault], None],
) -> Report:
    """Put the SIMs of a file into the stock, and return how many.

    A SIM that is there already stays as it is, but gets an IMSI or MSISDN that it lacks. Each
    line with errors is reported. If there is one, nothing is imported unless `skips_errors`.
    `provider` is the code for profiles whose line names none.

    Raises `moportal.text.csv_files.UnreadableHeader` and `UnknownProvider`.
    """
    providers = dict(SmdpProvider.objects.order_by("code").values_list("code", "pk"))
    if provider and provider not in providers:
        raise UnknownProvider(provider)
    # Before the ranges are read: a range that is saved during the
    # import would miss its SIMs.
    ranges.lock()
    faults = _FaultCounter(report_fault)

    def may_write() -> bool:
        return not is_dry_run and (skips_errors or not faults.count)

    merge = merging.merge_by_copy if connection.vendor == "postgresql" else merging.merge_by_orm
    merged = merge(
        faults.valid_rows(SimFile(file, providers=providers, provider=provider)),
        is_in_programme=ranges.programme_lookup(),
        report_fault=faults.report,
        may_write=may_write,
    )
    report = Report(*merged, faults=faults.count, is_imported=may_write())
    log.info("sims imported" if report.is_imported else "sims not imported", report=str(report))
    return report


class _FaultCounter:
    """Passes faults on and counts them."""

    def __init__(self, report_fault: Callable[[Fault], None]) -> None:
        self._report_fault = report_fault
        self.count = 0

    def report(self, fault: Fault) -> None:
        self.count += 1
        self._report_fault(fault)

    def valid_rows(self, lines: SimFile) -> Iterator[SimRow]:
        """Return the rows whose values are valid, and report the other lines."""
        for line in lines:
            if isinstance(line, SimRow):
                yield line
            else:
                self.report(line)
