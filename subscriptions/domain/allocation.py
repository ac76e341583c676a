"""Which bucket a record is taken from, written into the buckets (docs/usage.md).

A record is taken from the buckets of its line, of subscriptions that ran when it was used, valid in
the country where it was used. Of these the one that Get Balance names first is used first: what
ends first, of two that end together the metered one, then the older one. An unlimited bucket takes
all that is left. A microbalance, the free allowance to reach the portal, is used where nothing else
covers. What nothing covers stays with the record as uncovered: no bucket goes below zero.

Records count in the order of (used at, source, record id), whatever the order in which they came.
One that is later than all before is added to what is there, and so is one that comes late while no
bucket runs out: then each record is taken whole from its first bucket, in any order. Otherwise the
line's records are allocated anew, from the start of the oldest subscription that could be touched.
So the buckets depend on the records alone; nothing else writes `Bucket.used_bytes`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.db.models import OuterRef, Q, Subquery

from moportal.statements import set_each
from subscriptions.balances import in_order_of_use
from subscriptions.models import Bucket, Line, UsageRecord

# How many lines are allocated anew by one statement that reads their records.
LINES_AT_A_TIME = 100
in_order = attrgetter("used_at", "source", "record_id")


@dataclass(frozen=True)
class _Held:
    """A bucket and when it may be used."""

    bucket: Bucket
    starts_at: datetime
    ends_at: datetime

    @property
    def is_unlimited(self) -> bool:
        return self.bucket.kind == Bucket.Kind.UNLIMITED

    def covers(self, record: UsageRecord) -> bool:
        is_running = self.starts_at <= record.used_at < self.ends_at
        return is_running and record.country in self.bucket.countries


class Shelf:
    """The buckets of one line, in the order in which they are used."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        ordered = in_order_of_use(buckets)
        ordered.sort(key=lambda bucket: bucket.kind == Bucket.Kind.MICROBALANCE)
        self._held = [
            _Held(bucket, sold.starts_at, sold.ends_at)
            for bucket in ordered
            if (sold := bucket.subscription).starts_at and sold.ends_at
        ]
        self._before = {bucket.pk: bucket.used_bytes for bucket in ordered}

    def take(self, record: UsageRecord) -> int:
        """Take a record from the buckets, and return how many bytes none of them covers."""
        left = record.bytes
        for held in self._held:
            if left and held.covers(record):
                taken = left if held.is_unlimited else min(left, held.bucket.left_bytes)
                held.bucket.used_bytes += taken
                left -= taken
        return left

    def window(self, since: datetime) -> datetime:
        """Return from when on records are allocated anew if one of this time came late.

        That is the start of the oldest subscription that still ran then, or shares a moment with
        one that counts, and so on.
        """
        start = since
        for held in sorted(self._held, key=lambda held: held.ends_at, reverse=True):
            if held.ends_at <= start:
                break
            start = min(start, held.starts_at)
        return start

    def has_room(self, start: datetime) -> bool:
        """Say whether no bucket that counts from then on has run out."""
        counting = [held for held in self._held if held.ends_at > start]
        return all(held.is_unlimited or held.bucket.left_bytes > 0 for held in counting)

    def fill(self, start: datetime) -> None:
        """Let every bucket that counts from then on be unused again."""
        for held in self._held:
            if held.ends_at > start:
                held.bucket.used_bytes = 0

    def changed(self) -> list[Bucket]:
        buckets = (held.bucket for held in self._held)
        return [bucket for bucket in buckets if bucket.used_bytes != self._before[bucket.pk]]


def hold(lines: Collection[int]) -> None:
    """Let nobody else allocate records of these lines until the commit.

    In the order of their keys, so that two batches cannot wait for each other.
    """
    rows = Line.objects.filter(pk__in=lines).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def newest(lines: Collection[int]) -> dict[int, datetime]:
    """Return when each of these lines used data last, as far as that was told.

    Not in the statement that holds the lines: one that had to wait would answer as of before.
    """
    last = UsageRecord.objects.filter(line=OuterRef("pk")).order_by("-used_at").values("used_at")
    found = Line.objects.filter(pk__in=lines).annotate(last=Subquery(last[:1]))
    return {pk: at for pk, at in found.values_list("pk", "last") if at is not None}


def add(records: Iterable[UsageRecord], *, last: Mapping[int, datetime]) -> None:
    """Take records that were just stored, their lines held; `last` is what `newest` said before."""
    fresh: dict[int, list[UsageRecord]] = defaultdict(list)
    for record in sorted(records, key=in_order):
        if record.line_id is not None:
            fresh[record.line_id].append(record)
    since = {line: of_line[0].used_at for line, of_line in fresh.items()}
    late = {line for line, first in since.items() if line in last and first <= last[line]}
    shelves = _shelves(late, set(fresh) - late, since)
    uncovered: dict[int, int] = {}
    anew: dict[int, datetime] = {}
    for line, of_line in fresh.items():
        shelf = shelves[line]
        start = shelf.window(since[line])
        missing = {record.pk: shelf.take(record) for record in of_line}
        if line in late and not shelf.has_room(start):
            anew[line] = start
        else:
            uncovered |= {pk: left for pk, left in missing.items() if left}
    _replay(shelves, anew, uncovered)
    _write(shelves.values(), uncovered)


def renew(line: int, *, since: datetime) -> None:
    """Allocate anew what was used from then on, as a subscription now runs or no longer does."""
    hold([line])
    if UsageRecord.objects.filter(line=line, used_at__gte=since).exists():
        shelves = _shelves({line}, set(), {})
        uncovered: dict[int, int] = {}
        # One that was cut short ends at this very moment, and may have taken more before.
        start = shelves[line].window(since - timedelta.resolution)
        _replay(shelves, {line: start}, uncovered)
        _write(shelves.values(), uncovered)


def _shelves(late: set[int], timely: set[int], since: Mapping[int, datetime]) -> dict[int, Shelf]:
    """Read the buckets: all of a line's where a record is late, else those that still run."""
    wanted = Q(subscription__line__in=late)
    if timely:
        first = min(since[line] for line in timely)
        wanted |= Q(subscription__line__in=timely, subscription__ends_at__gt=first)
    # What was prepared and withdrawn never ran.
    ran = Bucket.objects.filter(wanted, subscription__starts_at__isnull=False)
    found: dict[int, list[Bucket]] = {line: [] for line in late | timely}
    for bucket in ran.select_related("subscription"):
        found[bucket.subscription.line_id].append(bucket)
    return {line: Shelf(buckets) for line, buckets in found.items()}


def _replay(
    shelves: Mapping[int, Shelf], anew: Mapping[int, datetime], uncovered: dict[int, int]
) -> None:
    """Allocate these lines' records from a time on, noting where what is uncovered has changed."""
    for line, start in anew.items():
        shelves[line].fill(start)
    lines = list(anew)
    for place in range(0, len(lines), LINES_AT_A_TIME):
        of_these = Q()
        for line in lines[place : place + LINES_AT_A_TIME]:
            of_these |= Q(line=line, used_at__gte=anew[line])
        stored = UsageRecord.objects.filter(of_these).order_by("line", "used_at")
        for line, records in groupby(stored.iterator(), key=attrgetter("line_id")):
            for record in sorted(records, key=in_order):
                left = shelves[line].take(record)
                if left != record.uncovered_bytes:
                    uncovered[record.pk] = left


def _write(shelves: Iterable[Shelf], uncovered: Mapping[int, int]) -> None:
    changed = (bucket for shelf in shelves for bucket in shelf.changed())
    set_each(Bucket, "used_bytes", {bucket.pk: bucket.used_bytes for bucket in changed})
    set_each(UsageRecord, "uncovered_bytes", uncovered)
