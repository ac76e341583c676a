"""Free ICCIDs: which provider serves a market, and how one ICCID is claimed.

An ICCID is claimed by compare-and-set, so of two concurrent claims of it one wins.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from esim.models import Profile, Sim, SmdpProvider, Source
from esim.states import SimState
from moportal.database.statements import compare_and_set
from moportal.identifiers import new_matching_id
from moportal.sealed import digest

# Free ICCIDs that are read at a time. With several, a lost race for one costs no new query.
CANDIDATES = 20


class PoolEmpty(Exception):
    """No ICCID of this profile type is left at any provider that serves the market."""


def providers_for(profile_type: str, market: str) -> list[SmdpProvider]:
    """Return the active providers of this type in this market, in the order of preference.

    Sources that name the market come before sources for any market; within each, rank decides. A
    type without sources is served by every provider.
    """
    rows: list[Any] = list(SmdpProvider.objects.raw(_WITH_SOURCES, [profile_type]))
    named = [row for row in rows if row.source_rank is not None]
    here = [row for row in named if row.source_market in {market, ""}]
    # False sorts before True: sources for this market come first.
    here.sort(key=lambda row: (row.source_market == "", row.source_rank))
    # A provider may have two sources: for this market and for any market.
    ordered = dict.fromkeys(here if named else rows)
    return [provider for provider in ordered if provider.is_active]


# Written in SQL because it runs for every order, and the ORM would compose the query each time.
_WITH_SOURCES = """SELECT provider.*, source.market AS source_market, source.rank AS source_rank
    FROM esim_smdpprovider AS provider
    LEFT JOIN esim_source AS source ON source.provider_id = provider.id AND source.profile_type = %s
    ORDER BY provider.id"""


def served_by(provider: int) -> Callable[[str, str], bool]:
    """Return a function that tells whether this provider may serve a profile type in a market.

    The function uses the sources as they are now. A provider that is off counts, too.
    """
    sources = list(Source.objects.values_list("profile_type", "market", "provider"))
    with_sources = {profile_type for profile_type, _market, _provider in sources}
    own = {(profile_type, market) for profile_type, market, one in sources if one == provider}

    def serves(profile_type: str, market: str) -> bool:
        is_named = (profile_type, market) in own or (profile_type, "") in own
        return is_named or profile_type not in with_sources

    return serves


def check_stock(profile_type: str, *, market: str = "") -> None:
    """Raise `PoolEmpty` if no ICCID of this type is free for this market now."""
    providers = providers_for(profile_type, market)
    if not _free(profile_type).filter(provider__in=providers).exists():
        raise PoolEmpty(profile_type)


@transaction.atomic(savepoint=False)
def intend(*, eid: str, profile_type: str, market: str = "") -> Profile:
    """Reserve an ICCID, and store the profile to be ordered with it and a new matching id.

    The caller commits this before the first call: if an answer is lost, the repeated call names the
    same profile. ICCIDs are reserved only here, in the transaction that stores their profile, so
    each reserved ICCID has a profile. Raises `PoolEmpty`.
    """
    sim, provider = _reserve_iccid(profile_type, market)
    matching_id = new_matching_id()
    return Profile.objects.create(
        sim=sim,
        provider=provider,
        eid=eid,
        matching_id=matching_id,
        matching_id_digest=digest(matching_id),
    )


def _reserve_iccid(profile_type: str, market: str) -> tuple[Sim, SmdpProvider]:
    """Reserve one free ICCID of the first provider that has one, or raise `PoolEmpty`.

    If another claim takes a candidate first, the next one is tried. After the last candidate, new
    ones are read.
    """
    for provider in providers_for(profile_type, market):
        free = _free(profile_type).filter(provider=provider).order_by("pk")
        while candidates := list(free[:CANDIDATES]):
            for sim in candidates:
                is_free = {"state": SimState.AVAILABLE}
                # False means that a concurrent claim took this ICCID after it was read.
                if compare_and_set(Sim, sim.pk, is_free, state=SimState.RESERVED):
                    sim.state, sim.provider = SimState.RESERVED, provider
                    return sim, provider
    raise PoolEmpty(profile_type)


def _free(profile_type: str) -> QuerySet[Sim]:
    # Decrypting the PUKs of all candidates would cost each order time.
    return Sim.objects.defer("puk_ending").filter(
        kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE, profile_type=profile_type
    )
