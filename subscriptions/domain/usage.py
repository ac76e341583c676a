"""Store usage. All records, sent over HTTP, imported or fetched, end in `store_records`.

A record is identified by (source, record id, day of use). It counts once, however
often it is sent (docs/contract.md#quantities-and-identity).
`subscriptions.domain.allocation` chooses its bucket.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from moportal.database.statements import insert_new, set_each
from subscriptions import records
from subscriptions.domain import allocation
from subscriptions.models import SimOnLine, UsageRecord
from subscriptions.records import BadRecord, Usage

# How far a charging system's clock may be ahead of the portal's.
CLOCK_TOLERANCE = timedelta(minutes=5)
Key = tuple[str, date]


@dataclass(frozen=True)
class Refusal:
    """A refused record: its index in the batch, the field at fault, and why."""

    index: int
    parameter: str
    detail: str


@dataclass
class Tally:
    """How many records of a batch were taken and repeated, and which were refused.

    `on_no_line` has the indexes of records whose SIM was on no line. They are stored, so they are
    counted as taken or repeated too.
    """

    taken: int = 0
    repeated: int = 0
    refused: list[Refusal] = field(default_factory=list)
    on_no_line: list[int] = field(default_factory=list)


@transaction.atomic(savepoint=False)
def store_records(source: str, documents: Sequence[Any], at: datetime) -> Tally:
    """Store a batch of usage records and take them from their lines' buckets.

    `documents` are parsed by `records.parse_usage`; `at` is the time at which they arrived.

    - A record that is stored already is *repeated* and changes nothing. If its content differs, it
      is refused, and the stored one stays.
    - A record that is malformed, lies in the future or is older than USAGE_DAYS is refused. The
      others are stored.
    - If the SIM was on no line at the time of use, the record is stored without a line. Once staff
      have put the SIM on a line for that time, sending the record again takes it from a bucket.
    """
    tally = Tally()
    parsed = _parse(documents, at, tally)
    # A batch may contain a record twice. The first one counts.
    first: dict[Key, Usage] = {usage.key: usage for usage in reversed(parsed.values())}

    # The lines are locked before anything is stored. Two batches for one line therefore
    # take turns, and the later one sees the records of the earlier one.
    lines = _lines(first.values())
    known_lines = {line for line in lines.values() if line is not None}
    allocation.lock_lines(known_lines)
    last = allocation.last_use(known_lines)

    # Sorted, because concurrent inserts in different orders may deadlock.
    rows = [_row(source, first[key], lines[key], at) for key in sorted(first)]
    # The insert passes over records that are stored already, also by a batch that has not
    # committed yet: it waits for that batch.
    new_keys = set(insert_new(rows))
    stored = _stored(source, first)
    new = [row for row in stored.values() if row.pk in new_keys]
    now_on_line = [row for key, row in stored.items() if _gets_line(row, first[key], lines[key])]
    for row in now_on_line:
        row.line_id = lines[row.record_id, row.day]
    set_each(UsageRecord, "line", {row.pk: row.line_id for row in now_on_line})

    allocation.add([*new, *now_on_line], last=last)
    _count(parsed, stored, new_keys, tally)
    return tally


def _parse(documents: Sequence[Any], at: datetime, tally: Tally) -> dict[int, Usage]:
    """Return the well-formed records by their index. Adds the others to the tally as refused."""
    parsed = {}
    oldest = at - timedelta(days=settings.USAGE_DAYS)
    for index, document in enumerate(documents):
        try:
            usage = records.parse_usage(document)
            if usage.used_at > at + CLOCK_TOLERANCE:
                raise BadRecord(
                    "usedAt", "usedAt is in the future. Check the clock of the system that sent it."
                )
            if usage.used_at < oldest:
                # An equal record may have been deleted already. This one would count again.
                raise BadRecord(
                    "usedAt", f"usedAt is more than {settings.USAGE_DAYS} days in the past."
                )
        except BadRecord as error:
            tally.refused.append(Refusal(index, error.parameter, error.detail))
        else:
            parsed[index] = usage
    return parsed


def _lines(usages: Iterable[Usage]) -> dict[Key, int | None]:
    """Return, for each record, the line that its SIM was on at the time of use, or None."""
    usages = list(usages)
    stays: dict[str, list[SimOnLine]] = defaultdict(list)
    found = SimOnLine.objects.filter(sim__iccid__in={usage.iccid for usage in usages})
    # A SIM may have been on several lines, one after the other.
    for stay in found.select_related("sim").order_by("pk"):
        stays[stay.sim.iccid].append(stay)
    return {usage.key: _line(stays[usage.iccid], usage.used_at) for usage in usages}


def _line(stays: Iterable[SimOnLine], at: datetime) -> int | None:
    at_that_time = (
        stay for stay in stays if stay.since <= at and (stay.until is None or at < stay.until)
    )
    stay = next(at_that_time, None)
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
    """Return the stored rows of these records, including those that another worker stored."""
    rows = UsageRecord.objects.filter(
        # The two conditions match more than the pairs asked for.
        # The caller's keys decide.
        source=source,
        record_id__in={name for name, _ in keys},
        day__in={day for _, day in keys},
    )
    return {key: row for row in rows if (key := (row.record_id, row.day)) in keys}


def _gets_line(row: UsageRecord, usage: Usage, line: int | None) -> bool:
    """Return whether a record was stored without a line and its SIM is known to be on one now."""
    return row.line_id is None and line is not None and not _differs(row, usage)


def _differs(row: UsageRecord, usage: Usage) -> str:
    """Return the first field in which the stored record differs, or an empty text."""
    pairs = {
        "iccid": (row.iccid, usage.iccid),
        "usedAt": (row.used_at, usage.used_at),
        "bytes": (row.bytes, usage.bytes),
        "country": (row.country, usage.country),
    }
    return next((name for name, (stored, sent) in pairs.items() if stored != sent), "")


def _count(
    parsed: Mapping[int, Usage],
    stored: Mapping[Key, UsageRecord],
    new_keys: set[int],
    tally: Tally,
) -> None:
    """Add to the tally whether each record was taken, repeated or refused."""
    for index, usage in parsed.items():
        row = stored[usage.key]
        if name := _differs(row, usage):
            detail = (
                f"Record {usage.record_id} was counted before with a different {name}. "
                "The first value is kept."
            )
            tally.refused.append(Refusal(index, name, detail))
            continue
        if row.pk in new_keys:
            # The same record once more in this batch counts as repeated.
            new_keys.discard(row.pk)
            tally.taken += 1
        else:
            tally.repeated += 1
        if row.line_id is None:
            tally.on_no_line.append(index)
    # Malformed records were added first, so the list is put in the order of the batch.
    tally.refused.sort(key=lambda refusal: refusal.index)
