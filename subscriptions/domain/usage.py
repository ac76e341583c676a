"""Usage comes in: over HTTP, by a file, or fetched from the charging system, all by `record`.

A record is identified by (source, record id, day of use), and counts once however often it is sent
(docs/contract.md#quantities-and-identity). `subscriptions.domain.allocation` chooses its bucket.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from moportal.statements import insert_new, set_each
from subscriptions import records
from subscriptions.domain import allocation
from subscriptions.models import SimOnLine, UsageRecord
from subscriptions.records import BadRecord, Usage

# How far a charging system's clock may be ahead of ours.
AHEAD = timedelta(minutes=5)
Key = tuple[str, date]


@dataclass(frozen=True)
class Refusal:
    """A record that was not taken: its place among those sent, which field, and why."""

    index: int
    parameter: str
    detail: str


@dataclass
class Tally:
    """What came of each record sent; those on no line (by place) were taken or repeated too."""

    taken: int = 0
    repeated: int = 0
    refused: list[Refusal] = field(default_factory=list)
    on_no_line: list[int] = field(default_factory=list)


@transaction.atomic(savepoint=False)
def record(source: str, said: Sequence[Any], at: datetime) -> Tally:
    """Store usage records and take them from their lines' buckets; `at` is when they came.

    Each record is as `records.read` reads it. One that is there already is *repeated* and counts
    for nothing; with other content it is refused, and the first one stays. One that cannot be read,
    or lies ahead, is refused alone. A record of a SIM that was on no line then is stored without
    one, and taken up when it is sent again after its SIM was given that time on a line.
    """
    tally = Tally()
    read = _read(said, at, tally)
    first: dict[Key, Usage] = {}
    for usage in read.values():
        first.setdefault(usage.key, usage)
    lines = _lines(first.values())
    held = {line for line in lines.values() if line is not None}
    allocation.lock_lines(held)
    last = allocation.last_use(held)
    new = set(insert_new([_row(source, first[key], lines[key], at) for key in sorted(first)]))
    stored = _stored(source, first)
    found = [row for key, row in stored.items() if _is_found(row, first[key], lines[key])]
    for row in found:
        row.line_id = lines[row.record_id, row.day]
    set_each(UsageRecord, "line", {row.pk: row.line_id for row in found})
    allocation.add([*(row for row in stored.values() if row.pk in new), *found], last=last)
    _count(read, stored, new, tally)
    return tally


def _read(said: Sequence[Any], at: datetime, tally: Tally) -> dict[int, Usage]:
    """Read what can be read, by place; the rest is refused."""
    read = {}
    for index, one in enumerate(said):
        try:
            usage = records.read(one)
            if usage.used_at > at + AHEAD:
                raise BadRecord("usedAt", "usedAt lies ahead: is the clock right?")
        except BadRecord as error:
            tally.refused.append(Refusal(index, error.parameter, error.detail))
        else:
            read[index] = usage
    return read


def _lines(usages: Iterable[Usage]) -> dict[Key, int | None]:
    """Find the line that each record's SIM was on when it was used."""
    usages = list(usages)
    stays: dict[str, list[SimOnLine]] = defaultdict(list)
    found = SimOnLine.objects.filter(sim__iccid__in={usage.iccid for usage in usages})
    for stay in found.select_related("sim").order_by("pk"):
        stays[stay.sim.iccid].append(stay)
    return {usage.key: _line(stays[usage.iccid], usage.used_at) for usage in usages}


def _line(stays: Iterable[SimOnLine], at: datetime) -> int | None:
    then = (one for one in stays if one.since <= at and (one.until is None or at < one.until))
    stay = next(then, None)
    return stay.line_id if stay else None


def _row(source: str, usage: Usage, line: int | None, at: datetime) -> UsageRecord:
    return UsageRecord(
        source=source,
        record_id=usage.record_id,
        day=usage.day,
        iccid=usage.iccid,
        line_id=line,
        country=usage.country,
        bytes=usage.bytes,
        used_at=usage.used_at,
        received_at=at,
    )


def _stored(source: str, keys: Mapping[Key, Usage]) -> dict[Key, UsageRecord]:
    """Read what is stored by now under these identities, whoever has stored it."""
    rows = UsageRecord.objects.filter(
        source=source, record_id__in={name for name, _ in keys}, day__in={day for _, day in keys}
    )
    return {key: row for row in rows if (key := (row.record_id, row.day)) in keys}


def _is_found(row: UsageRecord, usage: Usage, line: int | None) -> bool:
    """Say whether a record that was on no line is sent again, and is on one now."""
    return row.line_id is None and line is not None and not _differs(row, usage)


def _differs(row: UsageRecord, usage: Usage) -> str:
    """Name the first field in which a record differs from what was stored before."""
    pairs = {
        "iccid": (row.iccid, usage.iccid),
        "usedAt": (row.used_at, usage.used_at),
        "bytes": (row.bytes, usage.bytes),
        "country": (row.country, usage.country),
    }
    return next((name for name, (there, here) in pairs.items() if there != here), "")


def _count(
    read: Mapping[int, Usage],
    stored: Mapping[Key, UsageRecord],
    new: set[int],
    tally: Tally,
) -> None:
    """Say of each record whether it was taken, repeated or refused."""
    for index, usage in read.items():
        row = stored[usage.key]
        if name := _differs(row, usage):
            there = f"was taken before with another {name}; that one stays"
            tally.refused.append(Refusal(index, name, f"Record {usage.record_id} {there}."))
            continue
        if row.pk in new:
            new.discard(row.pk)
            tally.taken += 1
        else:
            tally.repeated += 1
        if row.line_id is None:
            tally.on_no_line.append(index)
    tally.refused.sort(key=lambda refusal: refusal.index)
