"""How many ICCIDs each pool has, and the warning when it runs low.

A pool is the free ICCIDs of one profile type at one provider.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from esim.models import PoolLevel, Sim
from esim.states import SimState
from moportal.database.statements import compare_and_set

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PoolStock:
    """The ICCIDs of one profile type at one provider. `low_mark` is None if none is set."""

    profile_type: str
    provider: str
    free: int
    reserved: int
    used: int
    low_mark: int | None

    @property
    def is_low(self) -> bool:
        return self.low_mark is not None and self.free < self.low_mark


def count_stock() -> list[PoolStock]:
    """Return every pool that has ICCIDs or a low mark; one query counts all SIMs."""
    sims = Sim.objects.filter(kind=Sim.Kind.PROFILE).values("profile_type", "provider__code")
    counts = {
        (row["profile_type"], row["provider__code"]): (row["free"], row["reserved"], row["used"])
        for row in sims.annotate(
            free=Count("pk", filter=Q(state=SimState.AVAILABLE)),
            reserved=Count("pk", filter=Q(state=SimState.RESERVED)),
            used=Count("pk", filter=Q(state__in=[SimState.IN_USE, SimState.RETIRED])),
        )
    }
    levels = PoolLevel.objects.values_list("profile_type", "provider__code", "low_mark")
    marks = {(profile_type, code): low_mark for profile_type, code, low_mark in levels}
    return [
        PoolStock(*pool, *counts.get(pool, (0, 0, 0)), marks.get(pool))
        for pool in sorted(counts.keys() | marks.keys())
    ]


def with_free_count(levels: QuerySet[PoolLevel]) -> QuerySet[Any]:
    """Annotate each level with `free`, the number of free ICCIDs, from the pool's index."""
    free = (
        Sim.objects.filter(
            kind=Sim.Kind.PROFILE,
            state=SimState.AVAILABLE,
            profile_type=OuterRef("profile_type"),
            provider=OuterRef("provider"),
        )
        .values("profile_type")
        .annotate(free=Count("pk"))
    )
    return levels.annotate(free=Coalesce(Subquery(free.values("free")), 0))


def warn_of_low_pools() -> None:
    """Log an error for each pool that has run low, and an info when it has been filled again.

    Each is logged once, also by concurrent calls.
    """
    for level in with_free_count(PoolLevel.objects.select_related("provider")):
        is_low = level.free < level.low_mark
        if is_low == (level.low_since is not None):
            continue
        low_since = now() if is_low else None
        # Race: two workers may find the same change. The one that stores it logs it.
        if compare_and_set(
            PoolLevel, level.pk, {"low_since": level.low_since}, low_since=low_since
        ):
            _log_change(level, is_low=is_low)


def _log_change(level: Any, *, is_low: bool) -> None:
    write = log.error if is_low else log.info
    write(
        "pool below its low mark" if is_low else "pool filled again",
        profile_type=level.profile_type,
        provider=level.provider.code,
        free=level.free,
        low_mark=level.low_mark,
    )
