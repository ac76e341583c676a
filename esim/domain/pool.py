"""The stock of ICCIDs. What is counted here is claimed by compare-and-set, so that one wins."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from esim.models import Profile, Sim, SmdpProvider
from esim.states import SimState
from moportal.identifiers import new_matching_id
from moportal.sealed import digest
from moportal.statements import compare_and_set

CANDIDATES = 20


class PoolEmpty(Exception):
    """No ICCID of this profile type is left at any provider that serves the market."""


def providers_for(profile_type: str, market: str) -> list[SmdpProvider]:
    """Return who serves this type in this market, in the order in which they are asked.

    Sources that name the market come before those for any, each by rank. A type without sources is
    served by every provider. One that is switched off serves nobody.
    """
    rows: list[Any] = list(SmdpProvider.objects.raw(_WITH_SOURCES, [profile_type]))
    named = [row for row in rows if row.source_rank is not None]
    here = [row for row in named if row.source_market in {market, ""}]
    here.sort(key=lambda row: (row.source_market == "", row.source_rank))
    # A provider may be named twice, for this market and for any.
    asked = dict.fromkeys(here if named else rows)
    return [provider for provider in asked if provider.is_active]


# One statement, as it is asked for every order; the ORM composes a query anew each time.
_WITH_SOURCES = """SELECT provider.*, source.market AS source_market, source.rank AS source_rank
    FROM esim_smdpprovider AS provider
    LEFT JOIN esim_source AS source ON source.provider_id = provider.id AND source.profile_type = %s
    ORDER BY provider.id"""


def look_for(profile_type: str, *, market: str = "") -> None:
    """Raise `PoolEmpty` where no ICCID of this type is free for this market at the moment."""
    providers = providers_for(profile_type, market)
    if not _free(profile_type).filter(provider__in=providers).exists():
        raise PoolEmpty(profile_type)


@transaction.atomic(savepoint=False)
def intend(*, eid: str, profile_type: str, market: str = "") -> Profile:
    """Write down the profile we are going to ask for: our ICCID, our matching id.

    Committed before the first call, so that a call whose answer was lost can be decided by asking
    again. The ICCID is reserved here and nowhere else, in the transaction that writes its profile:
    none is ever reserved for nobody. Raises `PoolEmpty`.
    """
    sim, provider = _claimed(profile_type, market)
    matching_id = new_matching_id()
    return Profile.objects.create(
        sim=sim,
        provider=provider,
        eid=eid,
        matching_id=matching_id,
        matching_id_digest=digest(matching_id),
        smdp_host=provider.smdp_host,
    )


def _claimed(profile_type: str, market: str) -> tuple[Sim, SmdpProvider]:
    """Reserve one free ICCID of the first provider that has one, or raise `PoolEmpty`.

    Losing a race for one candidate moves on to the next; a full turn of lost races reads again.
    """
    for provider in providers_for(profile_type, market):
        free = _free(profile_type).filter(provider=provider).order_by("pk")
        while candidates := list(free[:CANDIDATES]):
            for sim in candidates:
                is_free = {"state": SimState.AVAILABLE}
                if compare_and_set(Sim, sim.pk, is_free, state=SimState.RESERVED):
                    sim.state, sim.provider = SimState.RESERVED, provider
                    return sim, provider
    raise PoolEmpty(profile_type)


def _free(profile_type: str) -> QuerySet[Sim]:
    return Sim.objects.filter(
        kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE, profile_type=profile_type
    )
