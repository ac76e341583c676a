"""What the plan goes on: the SIM card, a profile that is already on the eSIM, or a new eSIM.

One usable profile gets the plan by default. Of several the customer chooses. A new eSIM stays on
offer (docs/contract.md#launch). On the open web the customer must name a device first
(docs/contract.md#open-web).
"""

from dataclasses import dataclass

from esim.models import Sim
from mobileplans.domain import visits
from orders.models import Draft


@dataclass(frozen=True)
class Target:
    """Where the plan goes. `sim` is None for a new eSIM."""

    sim: Sim | None = None


@dataclass(frozen=True)
class Choice:
    """What there is to choose between; `target` is None while the customer has to say."""

    target: Target | None
    there: tuple[Sim, ...] = ()
    needs_eid: bool = False
    # What the plan was to go on is not usable any more.
    is_lost: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether there is anything to choose at all."""
        return bool(self.there) or self.needs_eid


def choice(draft: Draft) -> Choice:
    """Return where this draft's plan can go, and where it will go as things stand."""
    visit = draft.visit
    if visit.iccid:
        card = visits.usable_card(visit.iccid)
        return Choice(Target(card) if card else None, is_lost=card is None)
    there = tuple(visits.installed_profiles(visit, draft.account)) if visit.iccids else ()
    is_open_web = visit.is_open_web
    if draft.sim_id:
        # What was chosen, or shown on the review page, is never silently something else.
        chosen = next((sim for sim in there if sim.pk == draft.sim_id), None)
        return Choice(Target(chosen) if chosen else None, there, is_open_web, is_lost=not chosen)
    by_default = not there or draft.wants_new_esim
    if by_default:
        return Choice(Target() if visit.eid else None, there, is_open_web)
    return Choice(Target(there[0]) if len(there) == 1 else None, there, is_open_web)


def target(draft: Draft) -> Target | None:
    """Return where the plan will go, or None while that is not decided."""
    return choice(draft).target
