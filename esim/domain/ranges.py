"""ICCID ranges: which SIMs are in the programme.

Get Balance reads the flag of the SIM itself, which costs it no query for
ranges. A range sets that flag on every SIM in it when the range is saved, and
on each SIM that is imported. Staff may change the flag of a single SIM; that
holds until its range is changed.
"""

from bisect import bisect_right
from collections.abc import Callable

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Length

from esim.models import IccidRange, Sim

log = structlog.get_logger(__name__)


class RangesOverlap(Exception):
    """Another range has some of the same ICCIDs."""


def overlapping(new: IccidRange) -> QuerySet[IccidRange]:
    """Return the other ranges that have an ICCID in common with this one."""
    others = IccidRange.objects.exclude(pk=new.pk).annotate(digits=Length("first"))
    return others.filter(digits=len(new.first), first__lte=new.last, last__gte=new.first)


def save(new: IccidRange) -> int:
    """Store a range, and set the flag of its SIMs and of those that it had before.

    Returns how many SIMs changed. Raises `RangesOverlap`, also if another
    range is stored concurrently: on PostgreSQL a constraint refuses the second
    one, and SQLite makes it wait.
    """
    try:
        with transaction.atomic():
            before = IccidRange.objects.filter(pk=new.pk).first()
            if overlapping(new).exists():
                raise RangesOverlap(str(new))
            new.save()
            changed = sum(_update_sims(*ends) for ends in _ends_to_update(before, new))
    except IntegrityError as error:
        # The exclusion constraint found a range that was committed after the check above.
        if "iccid_ranges_do_not_overlap" not in str(error):
            raise
        raise RangesOverlap(str(new)) from error
    log.info("iccid range saved", in_programme=new.is_in_programme, sims=changed)
    return changed


@transaction.atomic
def remove(old: IccidRange) -> int:
    """Delete a range; its SIMs are then in the programme, like all SIMs without a range.

    Returns how many SIMs changed.
    """
    old.delete()
    return _update_sims(old.first, old.last)


def programme_lookup() -> Callable[[str], bool]:
    """Return a function that tells whether an ICCID is in the programme.

    The function uses the ranges as they are now. Call `lock` first: then they cannot
    change before the SIMs are stored.
    """
    known = [(len(one.first), one.first, one.last, one) for one in IccidRange.objects.all()]
    known.sort(key=lambda row: row[:2])
    starts = [row[:2] for row in known]

    # Ranges do not overlap, so only the last one that starts at or
    # before the ICCID can have it.
    def is_in_programme(iccid: str) -> bool:
        place = bisect_right(starts, (len(iccid), iccid)) - 1
        if place < 0:
            return True
        digits, _first, last, candidate = known[place]
        has_iccid = digits == len(iccid) and iccid <= last
        return candidate.is_in_programme if has_iccid else True

    return is_in_programme


def lock() -> None:
    """Prevent changes of ranges and other imports until this transaction ends.

    Sales continue: they do not write ranges. SQLite has only
    one writer, so it needs no lock.
    """
    if connection.vendor == "postgresql":
        # This mode conflicts with itself and with writes, but not with reads.
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE esim_iccidrange IN SHARE ROW EXCLUSIVE MODE")


def _ends_to_update(before: IccidRange | None, new: IccidRange) -> set[tuple[str, str]]:
    """Return the first and last ICCIDs between which the flags of SIMs must be set.

    If only the note changed there are none, which keeps the flags that staff set.
    """
    ends = {(one.first, one.last) for one in (before, new) if one is not None}
    is_same = before is not None and before.is_in_programme == new.is_in_programme
    return set() if is_same and len(ends) == 1 else ends


def _update_sims(first: str, last: str) -> int:
    """Set the flag of each SIM between these ends as the ranges say now: one statement."""
    ranges_of_sim = IccidRange.objects.annotate(digits=Length("first")).filter(
        digits=Length(OuterRef("iccid")), first__lte=OuterRef("iccid"), last__gte=OuterRef("iccid")
    )
    without_range = Value(value=True)
    flag = Coalesce(Subquery(ranges_of_sim.values("is_in_programme")[:1]), without_range)
    sims = Sim.objects.annotate(digits=Length("iccid"), flag=flag).filter(
        iccid__gte=first, iccid__lte=last, digits=len(first)
    )
    # Only rows that differ are written.
    return sims.exclude(is_in_programme=F("flag")).update(is_in_programme=F("flag"))
