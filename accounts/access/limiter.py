"""The limiter: how many different attempts a subject has before it is locked.

A subject is what is guessed at or used up: a SIM, an account, a device. The rules:

- An attempt is counted before it is compared with anything. While a subject is locked, nothing is
  compared.
- The same attempt counts once, however often it is sent.
- The count is committed at once. It stays although the request fails.
- The customer is told how long to wait. No request sleeps.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.models import AttemptCount, User
from moportal.database.statements import insert_new
from moportal.sealed import digest

log = structlog.get_logger(__name__)
# So few hexadecimal digits tell different attempts apart, and do not give away a password.
MARK_LENGTH = 6


@dataclass(frozen=True)
class Limit:
    """A subject is locked after `most` different attempts within a time. 0 means no limit."""

    name: str
    most: int
    window: timedelta
    # Such a lock has no end.
    is_lifted_by_staff_alone: bool = False
    # An attempt that was counted before passes a lock, such as a voucher that is typed twice.
    lets_repetitions_pass: bool = False


@dataclass(frozen=True)
class Counter:
    """One subject that a limit counts."""

    limit: Limit
    subject: str


class Locked(Exception):
    """The subject is locked until `until`, or until staff lift the lock if that is None."""

    def __init__(self, counter: Counter, until: datetime | None) -> None:
        super().__init__(f"{counter.limit.name} {counter.subject}")
        self.counter, self.until = counter, until

    @property
    def seconds(self) -> int | None:
        """Return the seconds to wait, for Retry-After, or None if waiting does not help."""
        if self.until is None:
            return None
        return max(1, math.ceil((self.until - now()).total_seconds()))


def count(attempt: str, *counters: Counter) -> None:
    """Count an attempt for each counter, or raise `Locked` and count nothing.

    The last attempt that a limit allows locks its subject. If it turns out to be right, `forget`
    opens the subject again. Call this outside of any transaction, because the count must be
    committed before the attempt is compared.
    """
    active = _in_order(counters)
    # A flood of attempts on a locked subject writes nothing and waits for no row lock.
    if locked := _find_lock(active, attempt):
        raise locked
    if active:
        with transaction.atomic(durable=True):
            _count(attempt, active)


def count_in_transaction(attempt: str, *counters: Counter) -> None:
    """Count what the caller's transaction does, or raise `Locked`.

    If the transaction is rolled back, nothing is counted. Until it ends, every other attempt of the
    same subject waits. Use it for what is used up, such as orders. A guess needs `count`, because
    it counts even if its request fails.
    """
    _count(attempt, _in_order(counters))


def _count(attempt: str, counters: Sequence[Counter]) -> None:
    at = now()
    rows = [_first_row(counter, attempt, at) for counter in counters]
    # Mostly nothing was counted before, and one statement does it all.
    inserted = insert_new(rows)
    if len(inserted) < len(rows):
        rows = _lock_rows(rows)
        for counter, row in zip(counters, rows, strict=True):
            if row.pk not in inserted:
                _add_to_row(attempt, counter, row, at)
    for row in rows:
        if row.locked_at == at:
            log.warning("limit reached", limit=row.limit, subject=row.subject)


def _add_to_row(attempt: str, counter: Counter, row: AttemptCount, at: datetime) -> None:
    """Count the attempt in a row that was there before, or raise `Locked`."""
    if row.ends_at is not None and row.ends_at <= at:
        row.marks, row.locked_at, row.began_at = [], None, at
        row.ends_at = at + counter.limit.window
    if row.locked_at is not None:
        if counter.limit.lets_repetitions_pass and _mark(attempt, counter) in row.marks:
            return
        raise Locked(counter, row.ends_at)
    _add_mark(row, counter, attempt, at)
    row.save(update_fields=["marks", "began_at", "ends_at", "locked_at"])


def _first_row(counter: Counter, attempt: str, at: datetime) -> AttemptCount:
    """Return the row of a counter that counts its first attempt."""
    row = AttemptCount(
        limit=counter.limit.name,
        subject=counter.subject,
        began_at=at,
        ends_at=at + counter.limit.window,
    )
    _add_mark(row, counter, attempt, at)
    return row


def _add_mark(row: AttemptCount, counter: Counter, attempt: str, at: datetime) -> None:
    """Add the attempt to a row that is not locked, and lock the row if it is the last one."""
    mark = _mark(attempt, counter)
    if mark not in row.marks:
        row.marks = [*row.marks, mark]
    if len(row.marks) >= counter.limit.most:
        is_endless = counter.limit.is_lifted_by_staff_alone
        row.locked_at, row.ends_at = at, None if is_endless else at + counter.limit.window


def _lock_rows(wanted: Sequence[AttemptCount]) -> list[AttemptCount]:
    """Return the stored rows of these, each locked until the commit.

    A row is created if it was deleted meanwhile.
    """
    # One statement creates or locks the rows. With a read before it, two attempts could both find
    # the last free place. The counters are sorted, so two requests cannot deadlock.
    stored = AttemptCount.objects.bulk_create(
        wanted,
        update_conflicts=True,
        unique_fields=["limit", "subject"],
        update_fields=["subject"],
    )
    found = AttemptCount.objects.in_bulk([row.pk for row in stored])
    return [found[row.pk] for row in stored]


def find_lock(*counters: Counter) -> Locked | None:
    """Return the lock of one of these counters as an exception, or None if none is locked."""
    return _find_lock(counters)


def _find_lock(counters: Sequence[Counter], attempt: str = "") -> Locked | None:
    by_name = _by_name(counters)
    for row in _rows(by_name).exclude(locked_at=None).exclude(ends_at__lte=now()):
        counter = by_name[row.limit, row.subject]
        is_repetition = bool(attempt) and _mark(attempt, counter) in row.marks
        if not (is_repetition and counter.limit.lets_repetitions_pass):
            return Locked(counter, row.ends_at)
    return None


def forget(attempt: str, *counters: Counter) -> None:
    """Take an attempt out of the counts, because it was right or did no harm."""
    # In the order in which `_count` locks the rows, so that the two cannot deadlock.
    with transaction.atomic(savepoint=False):
        for counter in _in_order(counters):
            mark = _mark(attempt, counter)
            row = AttemptCount.objects.filter(limit=counter.limit.name, subject=counter.subject)
            # Mostly nothing else was counted, and one statement does it.
            is_deleted, _by_model = row.filter(marks=[mark]).delete()
            if not is_deleted:
                _remove_mark(row, mark, counter)


def _remove_mark(rows: QuerySet[AttemptCount], mark: str, counter: Counter) -> None:
    for row in rows.select_for_update():
        row.marks = [known for known in row.marks if known != mark]
        if not row.marks:
            row.delete()
        elif len(row.marks) < counter.limit.most:
            row.locked_at, row.ends_at = None, row.began_at + counter.limit.window
            row.save(update_fields=["marks", "locked_at", "ends_at"])


def lift(row: AttemptCount, *, actor: User) -> None:
    """Forget everything that was counted for a subject, and its lock."""
    AttemptCount.objects.filter(pk=row.pk).delete()
    log.info("lock lifted", limit=row.limit, subject=row.subject, actor=actor.pk)


def _in_order(counters: Sequence[Counter]) -> list[Counter]:
    """Return the counters that limit anything, in the order in which their rows are locked."""
    return [counter for _name, counter in sorted(_by_name(counters).items())]


def _by_name(counters: Sequence[Counter]) -> dict[tuple[str, str], Counter]:
    """Return the counters that limit anything, by the columns of their rows."""
    active = (counter for counter in counters if counter.limit.most)
    return {(counter.limit.name, counter.subject): counter for counter in active}


def _rows(names: Collection[tuple[str, str]]) -> QuerySet[AttemptCount]:
    """Return the rows with these limits and subjects, in the order in which `_count` locks them."""
    if not names:
        return AttemptCount.objects.none()
    named = reduce(or_, (Q(limit=limit, subject=subject) for limit, subject in names))
    return AttemptCount.objects.filter(named).order_by("limit", "subject")


def _mark(attempt: str, counter: Counter) -> str:
    return digest(f"{counter.limit.name} {counter.subject} {attempt}")[:MARK_LENGTH]
