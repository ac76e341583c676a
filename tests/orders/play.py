"""What customers, workers, staff, the bank and the services do, and what they were told.

Nothing is random here. `test_promise` plays at random; `test_moments` tries every moment.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pytest

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from orders.domain import by_staff, drafts, moving, placing, returning
from orders.models import Draft, Order, Return
from orders.states import ENDED, OrderState
from outbox.models import Task
from payments.domain import webhooks
from payments.gateways.base import WebhookForged
from payments.models import WebhookEvent
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.builders import make_pool
from tests.orders.machine import (
    LONGER_THAN_A_LEASE,
    LONGER_THAN_ANY_PAUSE,
    Form,
    Meanwhile,
    Mishap,
    Shop,
    Worker,
    see,
)
from tests.orders.promise import AT_REST, PROMISE, Clause, Told, broken

SECRET = "the gateway's and ours"
GATEWAY_FUNCTIONS = ("authorise", "capture", "void", "refund")
SMDP_FUNCTIONS = ("downloadOrder", "confirmOrder", "cancelOrder")
NETWORK_FUNCTIONS = ("activate", "end")
ROUNDS_UNTIL_QUIET = 60
# The mishap of each run of a worker, one run after the other.
Runs = Iterable[Mishap | None]


@dataclass
class Play:
    """One example. It begins with an open shop, and ends when no work is left."""

    shop: Shop
    clara: User
    told: Told = field(default_factory=Told)
    # Payments as they stood at the gateway at one time or another.
    facts: list[dict[str, Any]] = field(default_factory=list)
    has_work: bool = False
    has_held: bool = False
    has_faults: bool = False
    has_met_a_mishap: bool = False
    is_broken: bool = False

    def __post_init__(self) -> None:
        self.shop.open()

    # -- Customers ---------------------------------------------------------------------------------

    def choose(self, who: int, plan: int, card: str, *, has_sim: bool) -> Form:
        customer = self.shop.customers[who]
        draft = drafts.open_draft(customer, self.shop.visits[customer, has_sim])
        offer = drafts.offer_of(draft, self.shop.plans[plan].pk)
        drafts.choose_plan(draft, offer, version=draft.version)
        drafts.choose_method(draft, self.shop.card(customer, card), version=draft.version)
        return Form(draft.pk, draft.version, offer.plan.pk, offer.price.taxed.gross.minor_units)

    def send(self, form: Form) -> Order | None:
        """Send a form, and return the order that it makes, if any."""
        draft = Draft.objects.get(pk=form.draft)
        if form.draft in self.told.forms and form.version == draft.version:
            assert placing.place(draft, version=form.version).draft_id == form.draft
            return None
        if form.draft in self.told.forms:
            with pytest.raises(placing.PlacedOtherwise):
                placing.place(draft, version=form.version)
            return None
        if form.version != draft.version:
            with pytest.raises(drafts.StaleForm):
                placing.place(draft, version=form.version)
            return None
        self.told.forms[form.draft] = form
        return placing.place(draft, version=form.version)

    def buy(self, card: str, runs: Runs = (), *, who: int = 0, has_sim: bool = False) -> Order:
        """Choose and send at once, in one tab."""
        order = self.send(self.choose(who, 0, card, has_sim=has_sim))
        assert order is not None, "a current form makes an order"
        self.process(runs)
        return order

    def cancel(self, order: Order) -> None:
        order.refresh_from_db()
        if order.charge_decided_at or order.state in ENDED:
            with pytest.raises(placing.TooLateToCancel):
                placing.request_cancel(order, actor=order.account)
            return
        placing.request_cancel(order, actor=order.account)
        self.told.cancelled.add(order.pk)

    def answer_the_bank(self, order: Order, decision: str) -> None:
        """Approve or refuse at the bank. The first answer counts, if the bank asked at all."""
        for payment in see(self.shop).payments.get(order.number, []):
            url = f"{self.shop.gateway}/challenge/{payment['id']}"
            self.shop.client.post(url, data={"decision": decision})

    # -- Workers and staff -------------------------------------------------------------------------

    def process(self, runs: Runs) -> None:
        """Let workers process the next due task, as soon as it is due."""
        for mishap in runs:
            self.shop.pass_time_until_something_is_due()
            for task in self.shop.due()[:1]:
                worker = Worker(mishap, self.others_do)
                worker.run(task)
                self.has_met_a_mishap |= worker.has_met_it

    def others_do(self, mishap: Mishap) -> None:
        """Let others act while a worker stalls."""
        for what in mishap.meanwhile:
            if what == Meanwhile.WEBHOOKS:
                for payment in chain(*see(self.shop).payments.values()):
                    self.tell(payment)
                continue
            for order in Order.objects.order_by("pk"):
                if what == Meanwhile.CANCEL:
                    self.cancel(order)
                else:
                    self.answer_the_bank(order, "approve" if what == Meanwhile.YES else "refuse")
        if mishap.is_taken_over:
            self.shop.pass_time(LONGER_THAN_A_LEASE)
            self.shop.process_all()

    def pass_time_and_process(self, rounds: int) -> None:
        for _ in range(rounds):
            self.shop.pass_time(LONGER_THAN_ANY_PAUSE)
            self.shop.process_all()

    def try_again(self, order: Order) -> None:
        order.refresh_from_db()
        if order.state == OrderState.HELD:
            by_staff.resume(order, actor=self.clara)
            return
        with pytest.raises(moving.IllegalTransition):
            by_staff.resume(order, actor=self.clara)

    def give_up(self, order: Order) -> None:
        order.refresh_from_db()
        if order.state == OrderState.HELD:
            by_staff.give_up(order, actor=self.clara, because="no end in sight")
            return
        with pytest.raises(moving.IllegalTransition):
            by_staff.give_up(order, actor=self.clara, because="no end in sight")

    def take_back(self, order: Order) -> None:
        order.refresh_from_db()
        if order.state == OrderState.COMPLETED and not Return.objects.filter(order=order).exists():
            returning.request_return(order, actor=self.clara, because="goodwill")
            return
        with pytest.raises(returning.NothingToReturn):
            returning.request_return(order, actor=self.clara, because="goodwill")

    # -- Services and stock ------------------------------------------------------------------------

    def fail(self, function: str, fault: str, times: int = 1) -> None:
        """Let one function of a service fail this many times."""
        service = self.shop.smdp
        if function in GATEWAY_FUNCTIONS:
            service = self.shop.gateway
        if function in NETWORK_FUNCTIONS:
            service = self.shop.network
        self.shop.post(f"{service}/faults", {"function": function, "fault": fault, "times": times})
        self.has_faults = True

    def mend(self) -> None:
        for service in self.shop.services:
            self.shop.client.delete(f"{service}/faults").raise_for_status()
        self.has_faults = False

    def tell(self, payment: dict[str, Any], secret: str = SECRET) -> None:
        """Post a webhook about a present or past state of a payment."""
        event = f"evt_{payment['id'][4:]}_{payment['status']}"
        body = json.dumps({"id": event, "event": "told", "payment": payment})
        headers = {SIGNATURE_HEADER: signed(body, secret, at=0)}
        webhooks.receive("simulator", body.encode(), headers)

    def forge(self, payment: dict[str, Any]) -> None:
        before = _enqueued()
        with pytest.raises(WebhookForged):
            self.tell(payment, "not the gateway's")
        assert _enqueued() == before, "a forged webhook was taken"

    def use_up_the_pool(self) -> None:
        free = Sim.objects.filter(kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE)
        free.update(state=SimState.RETIRED)

    # -- The promise -------------------------------------------------------------------------------

    def check(self, clauses: tuple[Clause, ...] = PROMISE) -> None:
        """Compare the books, and remember what they say."""
        seen = see(self.shop)
        wrong = broken(clauses, seen, self.told)
        self.is_broken = bool(wrong)
        assert not wrong, "\n".join(wrong)
        self.has_work = Task.objects.filter(closed_at=None).exists()
        self.has_held = any(order.state == OrderState.HELD for order in seen.orders)
        ended = {order.pk: order.state for order in seen.orders if order.state in ENDED}
        self.told.ends.update(ended)
        facts = chain(*seen.payments.values())
        self.facts += [fact for fact in facts if fact not in self.facts]

    def end(self) -> None:
        """Repair everything; then every order must end, and the books must agree completely."""
        try:
            if not self.is_broken:
                self._come_to_rest()
                self.check(AT_REST)
        finally:
            self.shop.close()

    def _come_to_rest(self) -> None:
        self.mend()
        make_pool(len(self.told.forms))
        for _ in range(ROUNDS_UNTIL_QUIET):
            for order in Order.objects.filter(state=OrderState.HELD):
                by_staff.resume(order, actor=self.clara)
            if not Task.objects.filter(closed_at=None).exists():
                return
            self.pass_time_and_process(rounds=1)


def _enqueued() -> tuple[int, int]:
    return WebhookEvent.objects.count(), sum(Task.objects.values_list("enqueue_count", flat=True))
