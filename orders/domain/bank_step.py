"""The step at the customer's bank, and whether the customer's device reaches the bank's page.

A device whose SIM has no balance left is in the walled garden and reaches only listed hosts
(docs/payments.md#hosts). For such a device the portal asks the network for a way out before the
page leads to the bank, and closes it when the customer is back (docs/payments.md#way-out).
"""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from mobileplans.domain import visits
from mobileplans.models import Visit
from orders.models import Order
from orders.states import OrderState
from payments.models import CardPage
from subscriptions.balances import BalancesTooOld, BalanceType, balances
from subscriptions.domain import ways_out
from subscriptions.models import Subscription, WayOut
from subscriptions.states import WayOutState, WayRefusal


class Reach(StrEnum):
    """Whether the customer's device reaches the bank's page."""

    # The device needs no way out, or has one.
    YES = "yes"
    # The network is asked for a way out.
    OPENING = "opening"
    # The way out has ended, and the customer can have another one.
    ENDED = "ended"
    # There is no way out for now.
    NO = "no"


@dataclass(frozen=True)
class BankStep:
    """A step at the bank that an order waits for."""

    url: str
    reach: Reach
    # Whether another request for a way out may succeed.
    may_ask_again: bool = False


def find(order: Order) -> BankStep | None:
    """Return the step at the bank that the order waits for, or None."""
    payment = order.payment
    if payment is None or order.state != OrderState.PENDING or order.cancel_requested_at:
        return None
    url = payment.customer_step_url
    if not url:
        # The order waits for the gateway, or for a code that the gateway has sent.
        return None
    way = ways_out.latest(order.number)
    if way is None:
        return BankStep(url, Reach.YES)
    return BankStep(url, _reach(way), may_ask_again=way.refusal != WayRefusal.LIMIT)


def _reach(way: WayOut) -> Reach:
    if way.state == WayOutState.OPEN:
        return Reach.YES
    if ways_out.is_waited_for(way):
        return Reach.OPENING
    # A late worker may still open the way out. Until then the page offers payment methods that need
    # none.
    is_over = way.state in {WayOutState.CLOSING, WayOutState.CLOSED} and not way.refusal
    return Reach.ENDED if is_over else Reach.NO


def reach_for_plan(plan: Subscription) -> Reach:
    """Return whether the customer who pays an overdue month by hand reaches the bank's page."""
    way = ways_out.latest(_plan_reference(plan))
    return Reach.YES if way is None else _reach(way)


def was_out_of_reach(visit: Visit) -> bool:
    """Return whether the visit's device needed a way out to a bank and got none, at its last try.

    A way out that has an end was opened once, so the bank could be reached.
    """
    way = ways_out.latest_of(Order.objects.filter(visit=visit).values_list("number", flat=True))
    return way is not None and way.ends_at is None and not ways_out.is_waited_for(way)


def ask_for_way(order: Order) -> None:
    """Ask for a way out for the order's device, if it is in the walled garden."""
    sim = sim_in_garden(order.visit, order.account, chosen=order.sim)
    if sim is not None:
        ways_out.request(sim, reference=order.number)


def ask_for_way_to_card_page(visit: Visit, page: CardPage, *, chosen: Sim | None = None) -> None:
    """Ask for a way out before the page leads to the gateway's card page.

    The card page is on a listed host. But a bank may want a confirmation while the card is stored.
    """
    sim = sim_in_garden(visit, page.account, chosen=chosen)
    if sim is not None:
        ways_out.request(sim, reference=str(page.key))


def ask_for_way_for_plan(visit: Visit, plan: Subscription) -> None:
    """Ask for a way out for the visit's device, because its customer pays an overdue month.

    A plan on hold has no data, so its own device is in the walled garden.
    """
    sim = sim_in_garden(visit, plan.line.account)
    if sim is not None:
        ways_out.request(sim, reference=_plan_reference(plan))


def close_way_for_plan(plan: Subscription) -> None:
    """Close the plan's way out, because the customer is back."""
    ways_out.close(_plan_reference(plan))


def _plan_reference(plan: Subscription) -> str:
    # Without the suffix, the reference is the number of the order that has sold the plan.
    return f"{plan.reference}-pay"


def close_way(order: Order) -> None:
    """Close the order's way out, because the customer is back or the order goes on without them."""
    ways_out.close(order.number)


def close_way_to_card_page(page: CardPage) -> None:
    """Close the card page's way out, because the customer is back."""
    ways_out.close(str(page.key))


def is_opening_way_to_card_page(page: CardPage) -> bool:
    """Return whether the customer should wait for the way out before going to the card page.

    Even without a way out the customer goes there, because its host is listed.
    """
    way = ways_out.latest(str(page.key))
    return way is not None and ways_out.is_waited_for(way)


def sim_in_garden(visit: Visit, account: User, *, chosen: Sim | None = None) -> Sim | None:
    """Return the SIM through which the visit's device is in the walled garden, or None.

    1. A host has launched the portal. An ordinary browser has a connection of its own.
    2. The launch named a SIM card of the operator, or installed profiles. If there are several
       profiles, the one that gets the plan counts, because nobody knows which one is connected.
    3. Get Balance would answer NONE for this SIM at this location. A balance that is too old to be
       told counts as NONE too.

    The portal cannot know whether the device is on Wi-Fi. If it is, a way out does no harm.
    """
    if settings.WAY_OUT_MINUTES <= 0 or not visit.is_launched:
        return None
    sim = _connected_sim(visit, account, chosen)
    return sim if sim is not None and _has_no_balance(sim, visit.location) else None


def _connected_sim(visit: Visit, account: User, chosen: Sim | None) -> Sim | None:
    if visit.iccid:
        return visits.usable_card(visit.iccid)
    profiles = visits.installed_profiles(visit, account) if visit.iccids else []
    if chosen in profiles:
        return chosen
    return profiles[0] if len(profiles) == 1 else None


def _has_no_balance(sim: Sim, location: str) -> bool:
    try:
        found = balances(sim.iccid, location=location, at=now())
    except BalancesTooOld:
        return True
    return found[0].type == BalanceType.NONE
