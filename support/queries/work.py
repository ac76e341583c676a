"""Who works on which cases, and what they wrote."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User
from moportal.timeline import Entry
from support.models import CaseNote, CaseWork

# Notes on one page, the newest.
MOST_NOTES = 200


def taken_by(owner: User | None) -> dict[str, list[int]]:
    """Return the rows of all cases that this person has taken, or anybody, by kind."""
    rows = CaseWork.objects.filter(owner__isnull=False)
    found: dict[str, list[int]] = defaultdict(list)
    for kind, row in (rows.filter(owner=owner) if owner else rows).values_list("kind", "row"):
        found[kind].append(row)
    return found


def owners_of(entries: Iterable[Entry]) -> dict[tuple[str, int], str]:
    """Return the names of those who have taken these cases."""
    keys = Q()
    for entry in entries:
        keys |= Q(kind=entry.source, row=entry.facts["row"])
    if not keys:
        return {}
    found = CaseWork.objects.filter(keys, owner__isnull=False).select_related("owner")
    return {(work.kind, work.row): str(work.owner) for work in found}


def owner_of(kind: str, row: int) -> User | None:
    work = CaseWork.objects.filter(kind=kind, row=row).select_related("owner").first()
    return work.owner if work else None


def notes_of(kind: str, row: int) -> list[CaseNote]:
    """Return the notes of a case, the oldest first."""
    found = CaseNote.objects.filter(kind=kind, row=row).select_related("written_by")
    return list(found.order_by("-pk")[:MOST_NOTES])[::-1]
