"""How much is left: free ICCIDs by profile type and provider, and the alarm when they run low."""

from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from esim.models import PoolLevel, Sim
from esim.states import SimState
from moportal.statements import compare_and_set

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stock:
    """The ICCIDs of one profile type at one provider; `low_mark` is None where none is set."""

    profile_type: str
    provider: str
    free: int
    reserved: int
    used: int
    low_mark: int | None

    @property
    def is_low(self) -> bool:
        return self.low_mark is not None and self.free < self.low_mark


def stock() -> list[Stock]:
    """Return every pool that has ICCIDs or a mark, the SIMs counted by one grouped query."""
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
        Stock(*pool, *counts.get(pool, (0, 0, 0)), marks.get(pool))
        for pool in sorted(counts.keys() | marks.keys())
    ]


def counted(levels: QuerySet[PoolLevel]) -> QuerySet[Any]:
    """Let each level know how many ICCIDs are `free`: one statement, off the pool's index."""
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


def watch() -> None:
    """Tell once of every pool that has run low, and forget it when there are enough again.

    Of two that watch at the same moment one tells.
    """
    for level in counted(PoolLevel.objects.select_related("provider")):
        is_low = level.free < level.low_mark
        if is_low == (level.low_since is not None):
            continue
        low_since = now() if is_low else None
        if compare_and_set(
            PoolLevel, level.pk, {"low_since": level.low_since}, low_since=low_since
        ):
            _tell(level, is_low=is_low)


def _tell(level: Any, *, is_low: bool) -> None:
    say = log.error if is_low else log.info
    say(
        "pool below its mark" if is_low else "pool filled again",
        profile_type=level.profile_type,
        provider=level.provider.code,
        free=level.free,
        low_mark=level.low_mark,
    )
