"""`orders.domain.targets`: which SIM gets the plan (docs/contract.md#launch)."""

import pytest

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from mobileplans.models import Visit
from orders.domain import drafts, placing, targets
from orders.domain.drafts import StaleForm
from orders.domain.targets import Target
from orders.models import Draft
from subscriptions.models import Line, SimOnLine
from tests.builders import EID, make_card, make_draft, make_pool, make_visit


def installed(*owners: User | None) -> list[Sim]:
    """Return profiles in use, each on its owner's line, or on no line for None."""
    sims = make_pool(len(owners))
    for sim, owner in zip(sims, owners, strict=True):
        Sim.objects.filter(pk=sim.pk).update(state=SimState.IN_USE)
        if owner:
            line = Line.objects.create(account=owner)
            SimOnLine.objects.create(line=line, sim=sim, since=line.created_at)
    return sims


def draft_with(alice: User, sims: list[Sim], **visit_fields: str) -> Draft:
    iccids = tuple(sim.iccid for sim in sims)
    return drafts.open_draft(alice, make_visit(account=alice, iccids=iccids, **visit_fields))


def test_without_installed_profiles_the_target_is_a_new_esim(alice: User) -> None:
    choice = targets.choice(draft_with(alice, []))

    assert (choice.target, choice.is_open) == (Target(), False)


def test_a_device_with_a_sim_card_has_only_that_target(alice: User) -> None:
    card = make_card()

    choice = targets.choice(draft_with(alice, [], eid="", iccid=card.iccid))

    assert (choice.target, choice.is_open) == (Target(card), False)


def test_the_customers_own_profile_is_the_default(alice: User) -> None:
    sims = installed(alice)

    choice = targets.choice(draft_with(alice, sims))

    assert (choice.target, choice.is_open) == (Target(sims[0]), True)


def test_a_profile_on_no_line_is_the_default_too(alice: User) -> None:
    sims = installed(None)

    assert targets.target(draft_with(alice, sims)) == Target(sims[0])


def test_another_customers_profile_is_not_offered(alice: User, bob: User) -> None:
    choice = targets.choice(draft_with(alice, installed(bob)))

    assert (choice.target, choice.profiles) == (Target(), ())


@pytest.mark.parametrize("state", [SimState.AVAILABLE, SimState.RESERVED, SimState.RETIRED])
def test_a_profile_that_is_not_in_use_is_not_offered(alice: User, state: SimState) -> None:
    sims = installed(None)
    Sim.objects.update(state=state)

    assert targets.choice(draft_with(alice, sims)).profiles == ()


def test_a_profile_outside_the_programme_is_not_offered(alice: User) -> None:
    sims = installed(alice)
    Sim.objects.update(is_in_programme=False)

    assert targets.choice(draft_with(alice, sims)).profiles == ()


def test_of_several_profiles_the_customer_chooses_one(alice: User) -> None:
    sims = installed(alice, None)
    draft = draft_with(alice, sims)

    assert targets.target(draft) is None
    drafts.choose_target(draft, sims[1], version=draft.version)
    assert targets.target(draft) == Target(sims[1])
    drafts.choose_target(draft, None, version=draft.version)
    assert targets.target(draft) == Target()


def test_a_new_esim_can_always_be_chosen(alice: User) -> None:
    draft = draft_with(alice, installed(alice))

    drafts.choose_target(draft, None, version=draft.version)

    assert targets.target(draft) == Target()


def test_on_the_open_web_the_customer_must_name_a_device(alice: User) -> None:
    draft = draft_with(alice, [], eid="")

    assert (targets.target(draft), targets.choice(draft).needs_eid) == (None, True)
    drafts.name_device(draft, EID, version=draft.version, given=Visit.EidFrom.TYPED)
    assert targets.target(draft) == Target()
    assert (draft.visit.eid, draft.visit.eid_from) == (EID, "typed")


def test_after_a_device_was_named_earlier_forms_are_stale(alice: User) -> None:
    draft = draft_with(alice, [], eid="")
    drafts.name_device(draft, EID, version=draft.version, given=Visit.EidFrom.TYPED)

    with pytest.raises(StaleForm):
        drafts.name_device(draft, EID, version=1, given=Visit.EidFrom.SHARED)


def test_without_a_target_nothing_is_ordered(alice: User) -> None:
    draft = make_draft(alice, visit=make_visit(account=alice, eid=""))

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version)


def test_the_order_has_the_chosen_target(alice: User) -> None:
    sims = installed(alice)
    visit = make_visit(account=alice, iccids=(sims[0].iccid,))

    draft = make_draft(alice, visit=visit)

    assert placing.place(draft, version=draft.version).sim == sims[0]


def test_a_later_visit_with_other_profiles_clears_the_choice(alice: User) -> None:
    sims = installed(alice, alice)
    draft = draft_with(alice, sims)
    drafts.choose_target(draft, sims[0], version=draft.version)

    later = drafts.open_draft(alice, make_visit(account=alice, iccids=(sims[1].iccid,)))

    assert targets.target(later) == Target(sims[1])


def test_if_the_shown_target_is_lost_nothing_is_ordered(alice: User) -> None:
    sims = installed(alice)
    draft = make_draft(alice, visit=make_visit(account=alice, iccids=(sims[0].iccid,)))
    drafts.store_shown_target(draft, sims[0])
    Sim.objects.filter(pk=sims[0].pk).update(state=SimState.RETIRED)

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version)
    assert targets.choice(draft).is_lost


def test_a_retired_card_is_a_lost_target(alice: User) -> None:
    card = make_card()
    draft = draft_with(alice, [], eid="", iccid=card.iccid)
    Sim.objects.filter(pk=card.pk).update(state=SimState.RETIRED)

    assert targets.choice(draft).is_lost
