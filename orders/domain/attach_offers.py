"""The customer's plans that this device may share, and why the others cannot be chosen.

See docs/policies.md#j3 and docs/contract.md#subscriptions.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from django.db.models import Q, QuerySet

from accounts.domain import safeguards
from accounts.models import User
from esim.models import Sim
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.money import TaxedPrice
from orders.models import Draft, Order
from orders.queries import pauses
from orders.states import ADDS_DEVICE, ENDED, OrderKind
from plans.models import PlanPrice
from subscriptions.domain import sharing, standing
from subscriptions.domain.lifecycle import lock_line
from subscriptions.models import Line, Master, Subscription
from subscriptions.states import SubscriptionState


class WhyNot(StrEnum):
    """Why this device cannot share a plan, or have it moved here. The first that fits is said."""

    HERE = "here"
    OPERATOR = "operator"
    SINGLE = "single"
    OVERDUE = "overdue"
    PAUSED = "paused"
    LOCKED = "locked"
    FULL = "full"
    OWN_PLAN = "own plan"
    UNKNOWN = "unknown plan"
    MOVING = "moving"


@dataclass(frozen=True)
class AttachOffer:
    """A running plan, what another device costs, and how many may still join.

    `paused` is what the customer reads while no further device is sold for it.
    """

    plan: Subscription
    left: int
    price: PlanPrice | None
    why_not: WhyNot | None
    paused: str

    @cached_property
    def fee(self) -> TaxedPrice | None:
        return self.price.taxed_device_fee if self.price else None


@dataclass(frozen=True)
class Device:
    """The device of a visit: its customer, and the lines that its SIMs are on."""

    account: User
    lines: frozenset[int]
    own_plan: Subscription | None


def waits_until(account: User) -> datetime | None:
    """Return until when the customer may attach nothing, because the account was recovered."""
    return safeguards.restrained_until(account)


def own_plan_of_card(visit: Visit) -> Subscription | None:
    """Return the plan on the device's SIM card, or None. A card with a plan shares no other."""
    card = visits.usable_card(visit.iccid) if visit.iccid else None
    return sharing.plan_of_own(card) if card else None


def device_of(account: User, visit: Visit) -> Device:
    """Return what decides about the visit's device."""
    return Device(account, _lines_of_device(account, visit), own_plan_of_card(visit))


def offers_of(account: User, visit: Visit) -> list[AttachOffer]:
    """Return the customer's running plans, those that can be chosen first."""
    device, running = device_of(account, visit), sharing.running_plans(account)
    paused = pauses.texts([one.plan for one in running if one.plan], visit.market, new_esim=True)
    found = [_offer(device, plan, paused.get(plan.plan_id or 0, "")) for plan in running]
    return sorted(found, key=lambda offer: offer.why_not is not None)


def offer_of(draft: Draft) -> AttachOffer | None:
    """Return the draft's running plan if it can still be chosen, or None."""
    if waits_until(draft.account) is not None:
        return None
    found = (offer for offer in offers_of(draft.account, draft.visit) if offer.why_not is None)
    return next((offer for offer in found if offer.plan.pk == draft.running_plan_id), None)


def price_columns(offer: AttachOffer) -> dict[str, object]:
    """Return the columns of a draft that say what another device costs."""
    assert offer.price is not None and offer.fee is not None  # noqa: S101, PT018 -- it can be chosen
    return {
        "plan": offer.plan.plan,
        "plan_name": offer.plan.plan_name,
        "gross_minor_units": offer.fee.gross.minor_units,
        "tax_minor_units": offer.fee.tax.minor_units,
        "tax_rate": offer.price.tax_rate,
        "currency": offer.price.currency,
    }


def has_place(draft: Draft, sim: Sim | None) -> bool:
    """Return whether the draft's plan has a place for this device, if the draft asks for one.

    Call it in the transaction that creates the order.
    """
    plan = draft.running_plan
    if plan is None or draft.kind != OrderKind.ATTACH:
        return True
    # Race: two orders for the last place wait here for each other.
    lock_line(plan.line_id)
    if is_ordered_for(sim):
        return False
    offer = offer_of(draft)
    if offer is None:
        return False
    # What the review page showed is what is charged.
    return all(getattr(draft, name) == value for name, value in price_columns(offer).items())


def is_ordered_for(sim: Sim | None) -> bool:
    """Return whether an open order puts this SIM on a running plan already."""
    return sim is not None and _open_orders().filter(sim=sim).exists()


def hindrance(device: Device, plan: Subscription) -> WhyNot | None:
    """Return why nothing about the plan's devices can be changed for this device, or None."""
    reasons = (
        (plan.line_id in device.lines, WhyNot.HERE),
        (plan.master == Master.OPERATOR, WhyNot.OPERATOR),
        (plan.state != SubscriptionState.ACTIVE, WhyNot.OVERDUE),
        (bool(plan.parked_because), WhyNot.PAUSED),
        (device.own_plan is not None, WhyNot.OWN_PLAN),
    )
    found = next((why for is_so, why in reasons if is_so), None)
    if found is None and not standing.may_change_line(device.account, plan.line):
        return WhyNot.LOCKED
    return found


def _offer(device: Device, plan: Subscription, paused: str) -> AttachOffer:
    left = max(0, sharing.places_left(plan) - _places_ordered(plan))
    price = _price_of(plan)
    return AttachOffer(plan, left, price, _why_not(device, plan, left, price), paused)


def _why_not(
    device: Device, plan: Subscription, left: int, price: PlanPrice | None
) -> WhyNot | None:
    if found := hindrance(device, plan):
        return found
    if plan.plan is None or not plan.plan.more_devices or price is None:
        return WhyNot.SINGLE
    return None if left else WhyNot.FULL


def _lines_of_device(account: User, visit: Visit) -> frozenset[int]:
    """Return the keys of the customer's lines that a SIM of this device is on."""
    iccids = [*visit.iccids, *([visit.iccid] if visit.iccid else [])]
    on_line = Line.objects.filter(account=account, sims__sim__iccid__in=iccids, sims__until=None)
    return frozenset(on_line.values_list("pk", flat=True))


def _price_of(plan: Subscription) -> PlanPrice | None:
    """Return the catalogue's price of the plan in the market where the customer bought it."""
    paid_in = plan.periods.exclude(currency="").order_by("number").last()
    if paid_in is None or plan.plan is None:
        return None
    prices = PlanPrice.objects.filter(plan=plan.plan, currency=paid_in.currency).order_by("pk")
    orders = Order.objects.filter(subscription=plan)
    market = orders.values_list("visit__market", flat=True).first()
    return prices.filter(market=market).first() or prices.first()


def _open_orders() -> QuerySet[Order]:
    return Order.objects.filter(kind__in=ADDS_DEVICE).exclude(state__in=ENDED)


def _places_ordered(plan: Subscription) -> int:
    """Return how many devices are ordered for the plan and have not joined it yet."""
    on_line = {"lines__line": plan.line_id, "lines__until": None}
    joined = Sim.objects.filter(**on_line)
    waiting = _open_orders().filter(running_plan=plan, kind=OrderKind.ATTACH)
    return waiting.exclude(Q(sim__in=joined) | Q(profile__sim__in=joined)).count()
