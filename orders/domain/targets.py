"""The target of a plan: the SIM card, a profile that is installed already, or a new eSIM.

If one profile is usable, it is the default. Of several the customer chooses one. A new
eSIM is always offered (docs/contract.md#launch). On the open web the customer must name a
device first (docs/contract.md#open-web).

A customer who adds data to a line of theirs has chosen its SIM. If that is in another device, it is
the target all the same.

A plan that asks for identity goes only on a SIM whose line has an identified holder. A new eSIM is
on a new line, so it is not offered then.
"""

from dataclasses import dataclass, replace

from esim.models import Sim
from esim.states import SimState
from mobileplans.domain import visits
from mobileplans.models import Visit
from orders.models import Draft
from orders.states import OrderKind
from plans.models import PlanPrice
from subscriptions.domain import sharing
from subscriptions.models import Master, SimOnLine, Subscription
from subscriptions.queries import identified_sims


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
    takes_new_esim: bool = True
    # The plan to whose line data is added. Its SIM is not in this device.
    topped_up: Subscription | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the customer has something to decide."""
        return bool(self.profiles) or self.needs_eid


def choice(draft: Draft) -> Choice:
    """Return the possible targets of the draft's plan, and the current one."""
    visit = draft.visit
    of_line = _choice_of_line(draft)
    if of_line is not None:
        return of_line
    # A device with a SIM card offers no choice: the plan is for the card in it. After the
    # launch the card may have been retired or taken out of the programme.
    if visit.iccid:
        card = visits.usable_card(visit.iccid)
        return Choice(Target(card) if card else None, is_lost=card is None)
    profiles = _profiles(draft) if visit.iccids else ()
    identified = _identified(draft, profiles)
    if identified:
        return _identified_choice(draft, identified)
    is_open_web = visit.is_open_web
    if draft.sim_id:
        return _kept_choice(draft, Choice(None, profiles, is_open_web))
    gets_new_esim = not profiles or draft.wants_new_esim
    if gets_new_esim:
        # Without an EID the target stays open: the customer must name the device first.
        return Choice(Target() if visit.eid else None, profiles, is_open_web)
    return Choice(Target(profiles[0]) if len(profiles) == 1 else None, profiles, is_open_web)


def _choice_of_line(draft: Draft) -> Choice | None:
    """Return the SIM of a plan's line, if the draft is about that line. Nothing else is offered."""
    if draft.kind == OrderKind.CHANGE and draft.running_plan is not None:
        own = sim_of_plan(draft.running_plan)
        return Choice(Target(own) if own else None, is_lost=own is None)
    topped_up = topped_up_plan(draft)
    return Choice(Target(draft.sim), topped_up=topped_up) if topped_up else None


def _kept_choice(draft: Draft, choices: Choice) -> Choice:
    """Return the choices with the target that the customer chose or saw on the review page.

    It is never replaced without telling the customer.
    """
    chosen = next((sim for sim in choices.profiles if sim.pk == draft.sim_id), None)
    return replace(choices, target=Target(chosen) if chosen else None, is_lost=not chosen)


def _identified(draft: Draft, profiles: tuple[Sim, ...]) -> tuple[Sim, ...]:
    """Return the profiles with an identified holder, if the draft's plan asks for one.

    If there are none, the plan is not on offer, and the review page says so.
    """
    if not profiles or not asks_identity(draft):
        return ()
    known = identified_sims(draft.account, profiles)
    return tuple(sim for sim in profiles if sim.pk in known)


def _identified_choice(draft: Draft, profiles: tuple[Sim, ...]) -> Choice:
    """Return the choice among profiles only: a new eSIM would be on a new line."""
    sole = Target(profiles[0]) if len(profiles) == 1 else None
    chosen = next((Target(sim) for sim in profiles if sim.pk == draft.sim_id), sole)
    return Choice(chosen, profiles, takes_new_esim=False)


def asks_identity(draft: Draft) -> bool:
    """Return whether the draft's plan is sold only to customers who are identified."""
    if draft.adds_device:
        # The plan runs on a line whose holder is known already.
        return False
    prices = PlanPrice.objects.filter(plan=draft.plan_id, market=draft.visit.market)
    return any(price.asks_identity for price in prices)


def takes_plan(draft: Draft, chosen: Target) -> bool:
    """Return whether the draft's plan may go on this target: its holder may have to be known."""
    if not asks_identity(draft):
        return True
    return chosen.sim is not None and bool(identified_sims(draft.account, [chosen.sim]))


def _profiles(draft: Draft) -> tuple[Sim, ...]:
    """Return the installed profiles that can get the plan. One with a plan cannot share another."""
    found = visits.installed_profiles(draft.visit, draft.account)
    if draft.adds_device:
        found = [sim for sim in found if sharing.plan_of_own(sim) is None]
    return tuple(found)


def topped_up_plan(draft: Draft) -> Subscription | None:
    """Return a plan of the customer's line to which this draft adds data, or None.

    It is None if the line's SIM is in this device: then any plan goes on that SIM. Other drafts
    store only a SIM that the launch has reported.
    """
    sim = draft.sim
    if draft.kind != OrderKind.NEW_PLAN or sim is None or not is_elsewhere(sim, draft.visit):
        return None
    if not sim.is_in_programme or sim.state == SimState.RETIRED:
        return None
    stays = SimOnLine.objects.filter(sim=sim, until=None, line__account=draft.account_id)
    own = Subscription.objects.filter(line__in=stays.values("line"), master=Master.PORTAL)
    return own.order_by("pk").last()


def sim_to_top_up(plan: Subscription, visit: Visit) -> Sim | None:
    """Return the SIM of the plan's line that is in this device, otherwise the line's first one."""
    on_line = SimOnLine.objects.filter(line=plan.line_id, until=None).select_related("sim")
    sims = [stay.sim for stay in on_line.order_by("since", "pk")]
    return next((sim for sim in sims if not is_elsewhere(sim, visit)), next(iter(sims), None))


def is_elsewhere(sim: Sim, visit: Visit) -> bool:
    """Return whether the launch has not reported this SIM."""
    return sim.iccid not in {*visit.iccids, visit.iccid}


def sim_of_plan(plan: Subscription) -> Sim | None:
    """Return the first SIM on the plan's line, or None if the line has none any more."""
    on_line = SimOnLine.objects.filter(line=plan.line_id, until=None).select_related("sim")
    first = on_line.order_by("since", "pk").first()
    return first.sim if first else None


def target(draft: Draft) -> Target | None:
    """Return the current target, or None until the customer has decided."""
    return choice(draft).target
