"""Customers whose plans renew: they are sold plans, cancel, undo, and change their cards."""

import random
from collections import Counter
from contextlib import suppress

from django.utils.timezone import now

from accounts.models import User
from payments.domain import cards, payments
from payments.gateways.base import GatewayUnavailable
from payments.models import PaymentMethod
from subscriptions.domain import cancelling, lifecycle
from subscriptions.domain.cancelling import NotRenewing
from subscriptions.models import Subscription
from subscriptions.states import RUNNING, SubscriptionState
from tests.builders import make_operator
from tests.payments.conftest import agree, card
from tests.subscriptions.renewals import make_monthly, prepare

# Approved, and refused in each way that a bank has when the customer is away.
CARDS = {
    "4242424242424242": 70,
    "4000000000000341": 10,
    "4000000000007320": 8,
    "4000000000007312": 6,
    "4000002500003155": 6,
}
PRICE = 2500
# The share of the customers who do something in one step of time: any of them, those whose next
# month is authorised and may be cancelled just in time, and those on hold.
ACTIVE, JUST_IN_TIME, ON_HOLD = 0.004, 0.05, 0.2


class Crowd:
    """All customers of a run."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self.counts = Counter[str]()
        make_operator()
        self._plan = make_monthly(minor_units=PRICE)
        self._sold = 0

    def buy(self) -> None:
        """Sell a plan to a new customer, as a completed order leaves it."""
        self._sold += 1
        reference = f"C{self._sold}"
        account = User.objects.create(username=f"{reference.lower()}@example.com", name="Noor")
        method = self._add_card(account)
        subscription = prepare(account, self._plan, reference)
        lifecycle.start(subscription, at=now(), mandate=agree(method, purpose=reference))

    def act(self) -> None:
        """Let some customers do something. What the plan's state forbids is refused."""
        running = Subscription.objects.filter(state__in=RUNNING)
        authorised = set(running.filter(periods__attempts__payment__state="authorised"))
        for subscription in running.select_related("mandate__method", "line__account"):
            share, acts = ACTIVE, ["cancel", "undo", "new card", "new card", "remove card"]
            if subscription in authorised:
                share, acts = JUST_IN_TIME, ["cancel", "new card"]
            elif subscription.state == SubscriptionState.ON_HOLD:
                share, acts = ON_HOLD, ["new card"]
            if self._rng.random() < share:
                with suppress(NotRenewing, GatewayUnavailable):
                    self._act(subscription, self._rng.choice(acts))

    def _act(self, subscription: Subscription, act: str) -> None:
        if act == "cancel":
            cancelling.cancel(subscription)
        elif act == "undo":
            cancelling.undo(subscription)
        elif act == "remove card" and subscription.mandate:
            cards.remove(subscription.mandate.method)
        elif act == "new card":
            method = self._add_card(subscription.line.account)
            mandate = agree(method, purpose=subscription.reference)
            cancelling.pay_with(subscription, mandate)
        self.counts[act] += 1

    def _add_card(self, account: User) -> PaymentMethod:
        [number] = self._rng.choices(list(CARDS), weights=list(CARDS.values()))
        return payments.add_card(account, card(number))
