"""The target of a plan: the SIM card, a profile that is installed already, or a new eSIM.

If one profile is usable, it is the default. Of several the customer chooses one. A new
eSIM is always offered (docs/contract.md#launch). On the open web the customer must name a
device first (docs/contract.md#open-web).
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
    """The targets to choose from. `target` is None while the customer must still decide.

    `needs_eid` is true on the open web, where no host names the device.
    """

    target: Target | None
    profiles: tuple[Sim, ...] = ()
    needs_eid: bool = False
    # The chosen target can no longer be used.
    is_lost: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether the customer has something to decide."""
        return bool(self.profiles) or self.needs_eid


def choice(draft: Draft) -> Choice:
    """Return the possible targets of the draft's plan, and the current one."""
    visit = draft.visit
    # A device with a SIM card offers no choice: the plan is for the card in it. After the
    # launch the card may have been retired or taken out of the programme.
    if visit.iccid:
        card = visits.usable_card(visit.iccid)
        return Choice(Target(card) if card else None, is_lost=card is None)
    profiles = tuple(visits.installed_profiles(visit, draft.account)) if visit.iccids else ()
    is_open_web = visit.is_open_web
    if draft.sim_id:
        # A target that the customer chose or saw on the review
        # page is never replaced silently.
        chosen = next((sim for sim in profiles if sim.pk == draft.sim_id), None)
        return Choice(Target(chosen) if chosen else None, profiles, is_open_web, is_lost=not chosen)
    gets_new_esim = not profiles or draft.wants_new_esim
    if gets_new_esim:
        # Without an EID the target stays open: the customer must name the device first.
        return Choice(Target() if visit.eid else None, profiles, is_open_web)
    return Choice(Target(profiles[0]) if len(profiles) == 1 else None, profiles, is_open_web)


def target(draft: Draft) -> Target | None:
    """Return the current target, or None until the customer has decided."""
    return choice(draft).target
