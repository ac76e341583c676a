"""Differences between a gateway's books and the portal's rows: stored, closed, settled by staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import compare_and_set
from moportal.money import Money
from payments.domain.reasons import cut_reason
from payments.models import BookDifference, Payment
from payments.states import DifferenceKind

log = structlog.get_logger(__name__)
NO_LONGER_FOUND = "A later comparison no longer finds it."


@dataclass(frozen=True)
class Difference:
    """One difference as a comparison finds it. Every comparison gives it the same `subject`."""

    kind: DifferenceKind
    subject: str
    payment: Payment | None = None
    ours: Money | None = None
    theirs: Money | None = None
    detail: str = ""


def open_differences() -> QuerySet[BookDifference]:
    """Return the differences that are cases for staff."""
    return BookDifference.objects.filter(settled_at=None)


def store(gateway: str, day: date, found: Sequence[Difference]) -> None:
    """Store what a comparison of this day has found, and close what it no longer finds.

    Call it in the transaction of the comparison. A difference that staff have settled stays
    settled, unless its amounts have changed since.
    """
    of_gateway = BookDifference.objects.filter(gateway=gateway)
    # Only staff close a changed entry: no later comparison can show that it is corrected.
    of_day = Q(day=day) & ~Q(kind=DifferenceKind.ENTRY_CHANGED)
    rows = of_gateway.filter(of_day | Q(subject__in=[one.subject for one in found]))
    stored = {(row.kind, row.subject): row for row in rows.order_by("pk")}
    for one in found:
        _store(gateway, day, one, stored.get((one.kind, one.subject)))
    known = {(one.kind, one.subject) for one in found}
    over = [
        row.pk
        for key, row in stored.items()
        if key not in known and row.day == day and row.kind != DifferenceKind.ENTRY_CHANGED
    ]
    open_differences().filter(pk__in=over).update(settled_at=now(), reason=NO_LONGER_FOUND)


def report(gateway: str, day: date, one: Difference) -> None:
    """Store one difference that was noticed outside of a comparison."""
    rows = BookDifference.objects.filter(gateway=gateway, kind=one.kind, subject=one.subject)
    _store(gateway, day, one, rows.order_by("pk").last())


def _store(gateway: str, day: date, one: Difference, row: BookDifference | None) -> None:
    """Store a difference, unless `row` already has the same values."""
    content = {
        "payment": one.payment,
        "our_minor_units": one.ours.minor_units if one.ours else None,
        "our_currency": one.ours.currency if one.ours else "",
        "their_minor_units": one.theirs.minor_units if one.theirs else None,
        "their_currency": one.theirs.currency if one.theirs else "",
        "detail": cut_reason(one.detail),
    }
    is_same = row is not None and all(getattr(row, name) == content[name] for name in content)
    if row is not None and row.settled_at is None:
        if not is_same:
            BookDifference.objects.filter(pk=row.pk).update(**content)
        return
    if row is not None and row.settled_by_id is not None and is_same:
        return
    BookDifference.objects.create(
        gateway=gateway, day=day, kind=one.kind, subject=one.subject, **content
    )
    log.error("gateway's books differ: staff must act", gateway=gateway, kind=one.kind)


def settle(difference: BookDifference, *, reason: str, actor: User) -> bool:
    """Store why staff count a difference as settled. Returns False if it was settled before."""
    changes = {"settled_at": now(), "settled_by": actor, "reason": cut_reason(reason)}
    is_settled = compare_and_set(BookDifference, difference.pk, {"settled_at": None}, **changes)
    if is_settled:
        log.info("difference settled", difference=difference.pk, actor=actor.pk)
    return is_settled
