"""The stock of ICCIDs. What is counted here is claimed by compare-and-set, so that one wins."""

from django.db import transaction

from esim.models import Profile, Sim
from esim.states import SimState
from moportal.identifiers import new_matching_id
from moportal.sealed import digest
from moportal.statements import compare_and_set, insert

CANDIDATES = 20


class PoolEmpty(Exception):
    """No ICCID of this profile type is left."""


def claim_sim(profile_type: str) -> Sim:
    """Reserve one free ICCID, or raise `PoolEmpty`.

    Losing a race for one candidate moves on to the next; a full turn of lost races reads again.
    """
    free = Sim.objects.filter(
        kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE, profile_type=profile_type
    ).order_by("pk")
    while candidates := list(free.select_related("provider")[:CANDIDATES]):
        for sim in candidates:
            if compare_and_set(Sim, sim.pk, {"state": SimState.AVAILABLE}, state=SimState.RESERVED):
                sim.state = SimState.RESERVED
                return sim
    raise PoolEmpty(profile_type)


def look_for(profile_type: str) -> None:
    """Raise `PoolEmpty` where no ICCID of this type is free at the moment."""
    free = Sim.objects.filter(
        kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE, profile_type=profile_type
    )
    if not free.exists():
        raise PoolEmpty(profile_type)


@transaction.atomic(savepoint=False)
def intend(*, eid: str, profile_type: str) -> Profile:
    """Write down the profile we are going to ask for: our ICCID, our matching id.

    Committed before the first call, so that a call whose answer is lost can be decided by asking
    again. Raises `PoolEmpty`.
    """
    sim = claim_sim(profile_type)
    assert sim.provider is not None  # noqa: S101 -- constraint profile_sim_has_a_provider
    matching_id = new_matching_id()
    return insert(
        Profile,
        sim=sim,
        provider=sim.provider,
        eid=eid,
        matching_id=matching_id,
        matching_id_digest=digest(matching_id),
        smdp_host=sim.provider.smdp_host,
    )
