"""Customers whose plans renew: what they buy, change, share, cancel and keep, and how they pay."""

import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from django.utils.timezone import now

from accounts.models import User
from orders.domain import attach_offers, by_staff, drafts, move_offers, pricing
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import OrderState
from payments.domain import cards, payments
from payments.gateways.base import GatewayUnavailable
from payments.models import PaymentMethod
from plans.queries import offers
from subscriptions.domain import cancelling, cheaper, lifecycle, moves, sharing
from subscriptions.domain.cancelling import NotRenewing
from subscriptions.domain.changing import NotChangeable
from subscriptions.domain.cheaper import Consent, TooLate
from subscriptions.domain.chosen import purpose_of
from subscriptions.domain.moves import TooLateToUndo
from subscriptions.domain.sharing import Moving
from subscriptions.models import PlanMove, Subscription
from subscriptions.states import RUNNING, MoveState, SubscriptionState
from tests.builders import make_card, make_operator, make_visit, place
from tests.payments.conftest import agree, card
from tests.subscriptions.renewals import make_monthly, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

# Approved, and refused in each way that a bank has when the customer is away.
CARDS = {
    "4242424242424242": 70,
    "4000000000000341": 10,
    "4000000000007320": 8,
    "4000000000007312": 6,
    "4000002500003155": 6,
}
# The bank refuses this card while the customer is there too.
REFUSED = "4000000000000002"
# Each plan is dearer than the one before. Another device on any of them costs the fee once.
PRICES = (2500, 2900, 3300, 4100, 5300, 7100)
DEVICE_FEE, PLACES = 500, 2
SHARE_REFUSED = 0.15
# The share of the customers who do something in one step of time: any of them, those whose next
# month is authorised and may be cancelled just in time, and those on hold.
ACTIVE, JUST_IN_TIME, ON_HOLD = 0.02, 0.05, 0.2
ACTS = {
    "cancel": 2,
    "undo": 4,
    "new card": 4,
    "remove card": 2,
    "change": 8,
    "choose cheaper": 12,
    "undo choice": 6,
    "attach": 12,
    "move": 12,
    "remove device": 10,
}
LATE_ACTS = {"cancel": 4, "new card": 3, "change": 1, "choose cheaper": 3, "undo choice": 3}
# The share of the moves that are undone.
SHARE_UNDONE = 0.3
# What the plan, or an order of the customer that is under way, does not allow.
REFUSALS = (
    NotRenewing,
    NotChangeable,
    TooLate,
    TooLateToUndo,
    Moving,
    StaleForm,
    GatewayUnavailable,
)


class Crowd:
    """All customers of a run."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self.counts = Counter[str]()
        make_operator()
        self._staff = User.objects.create(username="clara@example.com", name="Clara")
        self._plans = [
            make_monthly(
                code=f"monthly-{price}",
                minor_units=price,
                more_devices=PLACES,
                device_fee=DEVICE_FEE,
            )
            for price in PRICES
        ]
        self._sold = 0

    def buy(self) -> None:
        """Sell a plan to a new customer, as a completed order leaves it."""
        self._sold += 1
        reference = f"C{self._sold}"
        account = User.objects.create(username=f"{reference.lower()}@example.com", name="Noor")
        method = self._add_card(account)
        subscription = prepare(account, self._rng.choice(self._plans), reference)
        lifecycle.start(subscription, at=now(), mandate=agree(method, purpose=reference))

    def act(self) -> None:
        """Let some customers do something. What the plan's state forbids is refused."""
        running = Subscription.objects.filter(state__in=RUNNING)
        authorised = set(running.filter(periods__attempts__payment__state="authorised"))
        for subscription in running.select_related("mandate__method", "line__account"):
            share, acts = ACTIVE, ACTS
            if subscription in authorised:
                share, acts = JUST_IN_TIME, LATE_ACTS
            elif subscription.state == SubscriptionState.ON_HOLD:
                share, acts = ON_HOLD, {"new card": 1}
            if self._rng.random() < share:
                [act] = self._rng.choices(list(acts), weights=list(acts.values()))
                with suppress(*REFUSALS):
                    self._act(subscription, act)

    def undo_moves(self) -> None:
        """Let some customers find out at once that they want the plan on the old device again."""
        for move in PlanMove.objects.filter(state=MoveState.LIVE).select_related("line__account"):
            if self._rng.random() < SHARE_UNDONE:
                with suppress(*REFUSALS):
                    moves.undo(move, actor=move.line.account)
                    self.counts["moves undone"] += 1

    def serve(self) -> None:
        """Let staff continue the orders that wait for them."""
        for order in Order.objects.filter(state=OrderState.HELD):
            by_staff.resume(order, actor=self._staff)
            self.counts["continued by staff"] += 1

    def _act(self, subscription: Subscription, act: str) -> None:
        acts: dict[str, Callable[[Subscription], object]] = {
            "cancel": cancelling.cancel,
            "undo": cancelling.undo,
            "new card": self._pay_with_new_card,
            "remove card": _remove_card,
            "change": self._change,
            "choose cheaper": self._choose_cheaper,
            "undo choice": cheaper.undo,
            "attach": self._attach,
            "move": self._move,
            "remove device": self._remove_device,
        }
        acts[act](subscription)
        self.counts[act] += 1

    def _pay_with_new_card(self, subscription: Subscription) -> None:
        method = self._add_card(subscription.line.account)
        cancelling.pay_with(subscription, agree(method, purpose=purpose_of(subscription)))

    def _choose_cheaper(self, subscription: Subscription) -> None:
        """Agree to a cheaper plan for the next month, if there is one."""
        found = offers(market="US", location="US", language="en")
        price = self._price_of(subscription)
        lower = [one for one in found if one.price.taxed.gross.minor_units < price]
        if lower:
            method = self._add_card(subscription.line.account)
            consent = Consent(method, "Charge my card each month.", "en")
            cheaper.choose(subscription, self._rng.choice(lower), consent)

    def _price_of(self, subscription: Subscription) -> int:
        return subscription.plan.prices.get().minor_units if subscription.plan else PRICES[-1]

    def _change(self, subscription: Subscription) -> None:
        """Order a dearer plan, if there is one."""
        price = self._price_of(subscription)
        dearer = [plan for plan, its in zip(self._plans, PRICES, strict=True) if its > price]
        if not dearer:
            return
        account = subscription.line.account
        draft = drafts.open_draft(account, make_visit(account=account))
        offer = drafts.offer_of(draft, dearer[0].pk)
        pricing.choose_change(draft, subscription, offer, version=draft.version)
        self._order(draft)

    def _attach(self, subscription: Subscription) -> None:
        """Order the plan for another device with a SIM card, if it has a place left."""
        account = subscription.line.account
        visit = make_visit(account=account, eid="", iccid=make_card().iccid)
        offers = attach_offers.offers_of(account, visit)
        for offer in offers:
            if offer.plan == subscription and offer.why_not is None:
                draft = drafts.open_draft(account, visit)
                drafts.choose_running_plan(draft, offer, version=draft.version)
                self._order(draft)

    def _move(self, subscription: Subscription) -> None:
        """Order that the plan moves to a device with a SIM card."""
        account = subscription.line.account
        visit = make_visit(account=account, eid="", iccid=make_card().iccid)
        movable = [one for one in move_offers.offers_of(account, visit) if one.why_not is None]
        if movable:
            draft = drafts.open_draft(account, visit)
            drafts.choose_move(draft, self._rng.choice(movable), version=draft.version)
            place(draft)
            self.counts["orders of a move"] += 1

    def _order(self, draft: Draft) -> None:
        is_refused = self._rng.random() < SHARE_REFUSED
        method = self._add_card(draft.account, REFUSED if is_refused else "")
        drafts.choose_method(draft, method, version=draft.version)
        place(draft)
        self.counts[f"orders of a {draft.kind}"] += 1

    def _remove_device(self, subscription: Subscription) -> None:
        stays = list(sharing.devices_of(subscription))
        if len(stays) > 1:
            sharing.remove(subscription, stays[-1].pk)
            self.counts["devices removed"] += 1

    def _add_card(self, account: User, number: str = "") -> PaymentMethod:
        [drawn] = self._rng.choices(list(CARDS), weights=list(CARDS.values()))
        return payments.add_card(account, card(number or drawn))


def _remove_card(subscription: Subscription) -> None:
    if subscription.mandate:
        cards.remove(subscription.mandate.method)
