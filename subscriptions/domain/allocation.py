"""Allocate usage: which bucket each usage record is taken from (docs/usage.md).

A record is taken only from buckets of its own line. The bucket's period must have been
usable when the data was used, and the bucket must be valid in the country of use. The order
is that of Get Balance: the bucket that ends first, then a metered before an unlimited
one, then the older one. An unlimited bucket takes all that is left. A microbalance, the
free allowance to reach the portal, is used last. Bytes that no bucket covers are stored
as the record's `uncovered_bytes`, so no bucket goes below zero.

The result must not depend on the order in which records arrive. They count in the
order of (used at, source, record id). A record that is later than all earlier ones is
simply added. So is a late record if no bucket has run out, because then every record
is taken whole from its first bucket, in any order. Otherwise the line is allocated
again from the start of the oldest subscription that the late record can affect.
Nothing else writes `Bucket.used_bytes` of the portal's plans.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.db.models import OuterRef, Q, Subquery

from moportal.database.statements import set_each
from subscriptions.balances import in_order_of_use
from subscriptions.domain import thresholds
from subscriptions.models import Bucket, Line, Master, UsageRecord

# How many lines' records one query reads when they are allocated again.
LINES_AT_A_TIME = 100
allocation_order = attrgetter("used_at", "source", "record_id")


@dataclass(frozen=True)
class _DatedBucket:
    """A bucket with the start and end of the time in which it can be used."""

    bucket: Bucket
    starts_at: datetime
    ends_at: datetime

    @property
    def is_unlimited(self) -> bool:
        return self.bucket.kind == Bucket.Kind.UNLIMITED

    def covers(self, record: UsageRecord) -> bool:
        is_running = self.starts_at <= record.used_at < self.ends_at
        return is_running and record.country in self.bucket.countries


class LineBuckets:
    """The buckets of one line, in the order in which they are used."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        ordered = in_order_of_use(buckets)
        # The sort is stable: it only moves the microbalances to the end.
        ordered.sort(key=lambda bucket: bucket.kind == Bucket.Kind.MICROBALANCE)
        self._dated = [
            _DatedBucket(bucket, period.starts_at, period.usable_until)
            for bucket in ordered
            if (period := bucket.period).starts_at and period.usable_until
        ]
        self._used_before = {bucket.pk: bucket.used_bytes for bucket in ordered}

    def take(self, record: UsageRecord) -> int:
        """Take a record from the buckets, and return how many bytes none of them covers."""
        left = record.bytes
        for dated in self._dated:
            if left and dated.covers(record):
                taken = left if dated.is_unlimited else min(left, dated.bucket.left_bytes)
                dated.bucket.used_bytes += taken
                left -= taken
        return left

    def affected_since(self, since: datetime) -> datetime:
        """Return the time from which records must be allocated again after a change at `since`.

        That is the start of the oldest subscription that a chain of overlaps
        connects with this time: it ran at this time, or it overlaps a subscription
        that the chain already contains.
        """
        start = since
        # From the latest end back: the first subscription that ends before the chain
        # begins ends the chain, and so does every earlier one.
        for dated in sorted(self._dated, key=lambda dated: dated.ends_at, reverse=True):
            if dated.ends_at <= start:
                break
            start = min(start, dated.starts_at)
        return start

    def has_room(self, start: datetime) -> bool:
        """Return whether every bucket that ends after `start` has something left."""
        affected = [dated for dated in self._dated if dated.ends_at > start]
        return all(dated.is_unlimited or dated.bucket.left_bytes > 0 for dated in affected)

    def reset(self, start: datetime) -> None:
        """Set every bucket that ends after `start` to unused."""
        for dated in self._dated:
            if dated.ends_at > start:
                dated.bucket.used_bytes = 0

    def changed(self) -> list[tuple[Bucket, int]]:
        """Return each bucket whose used bytes have changed, and what they were when it was read."""
        with_before = ((dated.bucket, self._used_before[dated.bucket.pk]) for dated in self._dated)
        return [(bucket, before) for bucket, before in with_before if bucket.used_bytes != before]


def lock_lines(lines: Collection[int]) -> None:
    """Lock these lines until the commit, so that no other worker allocates their records.

    The rows are locked in the order of their keys, so two batches cannot deadlock.
    """
    rows = Line.objects.filter(pk__in=lines).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def last_use(lines: Collection[int]) -> dict[int, datetime]:
    """Return the time of each line's latest stored usage record. Lines without records are absent.

    Call it after `lock_lines`. One statement cannot do both: if it waits for the lock, it
    still reads the records as they were before the wait.
    """
    last = UsageRecord.objects.filter(line=OuterRef("pk")).order_by("-used_at").values("used_at")
    found = Line.objects.filter(pk__in=lines).annotate(last=Subquery(last[:1]))
    return {pk: at for pk, at in found.values_list("pk", "last") if at is not None}


def add(records: Iterable[UsageRecord], *, last: Mapping[int, datetime]) -> None:
    """Allocate records that were just stored. The caller has locked their lines.

    `last` is the answer of `last_use` from before the records were stored.
    """
    fresh = _by_line(records, last)
    late = {usage.line for usage in fresh if usage.is_late}
    timely = {usage.line: usage.first_at for usage in fresh if not usage.is_late}
    buckets = _read_buckets(late, timely)

    uncovered: dict[int, int] = {}
    restarts: dict[int, datetime] = {}
    for usage in fresh:
        of_line = buckets[usage.line]
        start = of_line.affected_since(usage.first_at)
        missing = {record.pk: of_line.take(record) for record in usage.records}
        if usage.is_late and not of_line.has_room(start):
            # A bucket has run out, so the order of the records matters. What was just
            # taken from the buckets is dropped: `_allocate_again` resets them.
            restarts[usage.line] = start
        else:
            uncovered |= {pk: left for pk, left in missing.items() if left}

    _allocate_again(buckets, restarts, uncovered)
    _write(buckets.values(), uncovered)


@dataclass(frozen=True)
class _FreshUsage:
    """The records of one line that were just stored, in the order in which they count."""

    line: int
    records: list[UsageRecord]
    # Whether a record that was stored earlier counts after the first of these.
    is_late: bool

    @property
    def first_at(self) -> datetime:
        return self.records[0].used_at


def _by_line(records: Iterable[UsageRecord], last: Mapping[int, datetime]) -> list[_FreshUsage]:
    """Group the records by line. Records of a number that is on no line are left out."""
    of_line: dict[int, list[UsageRecord]] = defaultdict(list)
    for record in sorted(records, key=allocation_order):
        if record.line_id is not None:
            of_line[record.line_id].append(record)
    return [
        _FreshUsage(line, fresh, is_late=line in last and fresh[0].used_at <= last[line])
        for line, fresh in of_line.items()
    ]


def reallocate(line: int, *, since: datetime) -> None:
    """Allocate a line's usage from `since` again, after a subscription has started or ended."""
    lock_lines([line])
    if UsageRecord.objects.filter(line=line, used_at__gte=since).exists():
        buckets = _read_buckets({line}, {})
        uncovered: dict[int, int] = {}
        # A subscription that was cut short ends exactly at `since`. One moment earlier it
        # still ran, so its buckets are allocated again too.
        start = buckets[line].affected_since(since - timedelta.resolution)
        _allocate_again(buckets, {line: start}, uncovered)
        _write(buckets.values(), uncovered)


def _read_buckets(late: set[int], timely: Mapping[int, datetime]) -> dict[int, LineBuckets]:
    """Read the buckets of these lines. `timely` gives the time of each line's first new record.

    A line with a late record needs all its buckets. Another line needs only those that
    had not ended at its first new record. One time for all of them keeps the query short.
    """
    wanted = Q(period__line__in=late)
    if timely:
        first = min(timely.values())
        wanted |= Q(period__line__in=timely.keys(), period__usable_until__gt=first)
    # A subscription that was withdrawn before it started has no time and never ran. What is used
    # of the operator's own plans is counted by the operator.
    ran = Bucket.objects.filter(
        wanted,
        period__usable_until__isnull=False,
        period__subscription__master=Master.PORTAL,
    )
    found: dict[int, list[Bucket]] = {line: [] for line in late | timely.keys()}
    for bucket in ran.select_related("period"):
        found[bucket.period.line_id].append(bucket)
    return {line: LineBuckets(buckets) for line, buckets in found.items()}


def _allocate_again(
    buckets: Mapping[int, LineBuckets],
    restarts: Mapping[int, datetime],
    uncovered: dict[int, int],
) -> None:
    """Allocate the lines' stored records again, each line from its time in `restarts`.

    Adds to `uncovered` the records whose uncovered bytes have changed.
    """
    for line, start in restarts.items():
        buckets[line].reset(start)
    lines = list(restarts)
    # A query for all lines at once would have too many conditions.
    for place in range(0, len(lines), LINES_AT_A_TIME):
        of_these = Q()
        for line in lines[place : place + LINES_AT_A_TIME]:
            of_these |= Q(line=line, used_at__gte=restarts[line])
        stored = UsageRecord.objects.filter(of_these).order_by("line", "used_at")
        for line, records in groupby(stored.iterator(), key=attrgetter("line_id")):
            for record in sorted(records, key=allocation_order):
                left = buckets[line].take(record)
                # Most records keep what they had, so only the changed ones are written.
                if left != record.uncovered_bytes:
                    uncovered[record.pk] = left


def _write(buckets: Iterable[LineBuckets], uncovered: Mapping[int, int]) -> None:
    changed = [one for of_line in buckets for one in of_line.changed()]
    set_each(Bucket, "used_bytes", {bucket.pk: bucket.used_bytes for bucket, _before in changed})
    thresholds.note_use(changed)
    set_each(UsageRecord, "uncovered_bytes", uncovered)
