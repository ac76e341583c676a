"""The customer's plans that can be moved to this device, and from which of their SIMs.

See docs/subscriptions.md#move.
"""

from dataclasses import dataclass

from accounts.models import User
from esim.models import Sim
from mobileplans.models import Visit
from orders.domain import attach_offers
from orders.domain.attach_offers import Device, WhyNot
from orders.models import Draft, Order
from orders.states import ENDED, OrderKind
from subscriptions.domain import moves, sharing
from subscriptions.domain.lifecycle import lock_line
from subscriptions.models import SimOnLine, Subscription


@dataclass(frozen=True)
class MoveOffer:
    """A running plan, and the SIM that this device can replace."""

    plan: Subscription
    stay: SimOnLine
    why_not: WhyNot | None


def offers_of(account: User, visit: Visit) -> list[MoveOffer]:
    """Return an offer for each SIM of the customer's running plans."""
    device = attach_offers.device_of(account, visit)
    return [
        MoveOffer(plan, stay, why_not)
        for plan in sharing.running_plans(account)
        for why_not in [_why_not(device, plan)]
        for stay in sharing.devices_of(plan)
    ]


def offer_of(draft: Draft) -> MoveOffer | None:
    """Return the move that the draft names, if it is still possible, or None."""
    if attach_offers.waits_until(draft.account) is not None:
        return None
    found = (offer for offer in offers_of(draft.account, draft.visit) if offer.why_not is None)
    return next((offer for offer in found if _is_in(offer, draft)), None)


def columns(offer: MoveOffer) -> dict[str, object]:
    """Return the columns of a draft that say what a move costs: nothing."""
    return {
        "plan": offer.plan.plan,
        "plan_name": offer.plan.plan_name,
        "gross_minor_units": 0,
        "tax_minor_units": 0,
        "tax_rate": 0,
        "currency": _currency_of(offer.plan),
    }


def is_possible(draft: Draft, sim: Sim | None) -> bool:
    """Return whether the draft's plan can be moved, if the draft asks for that.

    Call it in the transaction that creates the order.
    """
    plan = draft.running_plan
    if plan is None or draft.kind != OrderKind.MOVE:
        return True
    # Race: two orders that move the plan wait here for each other.
    lock_line(plan.line_id)
    return not attach_offers.is_ordered_for(sim) and offer_of(draft) is not None


def _is_in(offer: MoveOffer, draft: Draft) -> bool:
    named = (draft.running_plan_id, draft.moves_from_id)
    return named == (offer.plan.pk, offer.stay.pk)


def _why_not(device: Device, plan: Subscription) -> WhyNot | None:
    if found := attach_offers.hindrance(device, plan):
        return found
    if plan.plan is None or not _currency_of(plan):
        return WhyNot.UNKNOWN
    orders = Order.objects.filter(kind=OrderKind.MOVE, running_plan__line=plan.line_id)
    is_ordered = orders.exclude(state__in=ENDED).exists()
    return WhyNot.MOVING if is_ordered or moves.is_moving(plan) else None


def _currency_of(plan: Subscription) -> str:
    """Return the currency of the plan's last period, empty if the portal has not sold it."""
    periods = plan.periods.exclude(currency="").order_by("-number")
    return periods.values_list("currency", flat=True).first() or ""
