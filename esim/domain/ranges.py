"""ICCID ranges: which SIMs are in the programme.

What Get Balance reads is the SIM's own flag, so that it stays one look-up by number. A range sets
that flag: when it is saved, on every SIM in it, and when SIMs are imported. Staff may set it
otherwise for a single SIM, and that stands until its range is changed.
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
    """There is a range already that has some of the same ICCIDs."""


def overlapping(new: IccidRange) -> QuerySet[IccidRange]:
    """Return the other ranges that have an ICCID in common with this one."""
    others = IccidRange.objects.exclude(pk=new.pk).annotate(digits=Length("first"))
    return others.filter(digits=len(new.first), first__lte=new.last, last__gte=new.first)


def save(new: IccidRange) -> int:
    """Store a range and let its SIMs, and those it had before, answer as the ranges now say.

    Returns how many SIMs were changed. Raises `RangesOverlap`, also where another range is stored
    at the same moment: on PostgreSQL a constraint refuses the later one, on SQLite it has to wait.
    """
    try:
        with transaction.atomic():
            before = IccidRange.objects.filter(pk=new.pk).first()
            if overlapping(new).exists():
                raise RangesOverlap(str(new))
            new.save()
            changed = sum(_set_sims(*ends) for ends in _to_set(before, new))
    except IntegrityError as error:
        if "iccid_ranges_do_not_overlap" not in str(error):
            raise
        raise RangesOverlap(str(new)) from error
    log.info("iccid range saved", in_programme=new.is_in_programme, sims=changed)
    return changed


@transaction.atomic
def remove(old: IccidRange) -> int:
    """Forget a range; its SIMs are then in the programme, as all are that no range shuts out."""
    old.delete()
    return _set_sims(old.first, old.last)


def lookup() -> Callable[[str], bool]:
    """Return a function that says of an ICCID whether it is in the programme.

    Asked under `hold`, its answer is still right when the SIM is stored.
    """
    known = [(len(one.first), one.first, one.last, one) for one in IccidRange.objects.all()]
    known.sort(key=lambda row: row[:2])
    starts = [row[:2] for row in known]

    def is_in_programme(iccid: str) -> bool:
        place = bisect_right(starts, (len(iccid), iccid)) - 1
        if place < 0 or known[place][0] != len(iccid) or iccid > known[place][2]:
            return True
        return known[place][3].is_in_programme

    return is_in_programme


def hold() -> None:
    """Let no range change, and no other import begin, until this transaction ends.

    Sales go on: neither reads ranges to write. SQLite's transaction keeps others out by itself.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE esim_iccidrange IN SHARE ROW EXCLUSIVE MODE")


def _to_set(before: IccidRange | None, new: IccidRange) -> set[tuple[str, str]]:
    """Return the ends between which SIMs are to be looked at.

    Nothing where only the note is new: that undoes nothing that staff set for a single SIM.
    """
    ends = {(one.first, one.last) for one in (before, new) if one is not None}
    is_same = before is not None and before.is_in_programme == new.is_in_programme
    return set() if is_same and len(ends) == 1 else ends


def _set_sims(first: str, last: str) -> int:
    """Let each SIM between these ends answer as the ranges say now: one statement."""
    around = IccidRange.objects.annotate(digits=Length("first")).filter(
        digits=Length(OuterRef("iccid")), first__lte=OuterRef("iccid"), last__gte=OuterRef("iccid")
    )
    in_programme_where_none_is = Value(value=True)
    said = Coalesce(Subquery(around.values("is_in_programme")[:1]), in_programme_where_none_is)
    inside = Sim.objects.annotate(digits=Length("iccid"), said=said).filter(
        iccid__gte=first, iccid__lte=last, digits=len(first)
    )
    # Only what differs is written.
    return inside.exclude(is_in_programme=F("said")).update(is_in_programme=F("said"))
