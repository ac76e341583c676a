"""The promise, whatever happens in whatever order (contract, section 6).

One order, one charge and one profile for one decision of the customer; nobody pays for what did
not come; whatever dies, every order ends.

Hypothesis plays customers, staff, the bank, two services that fail, workers that die or stall and
the clock, on PostgreSQL and both simulators; after every step the three books are compared
(`tests.orders.promise`). An example commits for real and begins with empty tables: within one
transaction that is undone in the end, an error outside of the product's own transactions would
doom all that follows, and a call made inside of one could not be told from any other.

`PROMISE_EXAMPLES=5000` plays that many random examples instead of the same few.
"""

import json
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from esim.states import SimState
from orders import drafts, placing, refunding, settling
from orders.models import Draft, Order, Refund
from orders.states import ENDED, TRIES_BEFORE_STAFF, OrderState
from outbox.models import Task
from payments import webhooks
from payments.gateways.base import WebhookForged
from payments.models import WebhookEvent
from plans.models import PlanPrice
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.builders import make_pool
from tests.orders.conftest import APPROVED, DECLINED
from tests.orders.machine import (
    LONGER_THAN_A_LEASE,
    LONGER_THAN_ANY_PAUSE,
    Form,
    Happens,
    Meanwhile,
    Mishap,
    Shop,
    Worker,
    see,
)
from tests.orders.promise import AT_REST, PROMISE, Told, broken

BANK_STEP = "4000002760003184"
SECRET = "the gateway's and ours"
Looks = list[Mishap | None]
EXAMPLES = int(os.environ.get("PROMISE_EXAMPLES", "0"))
ROUNDS_UNTIL_QUIET = 60


def workers_have_work(machine: "Promise") -> bool:
    return machine.has_work


def something_is_held(machine: "Promise") -> bool:
    return machine.has_held


def something_fails(machine: "Promise") -> bool:
    return machine.has_faults


def something_was_told(machine: "Promise") -> bool:
    return machine.has_work and bool(machine.facts)


cards = st.sampled_from([APPROVED, BANK_STEP, APPROVED, BANK_STEP, APPROVED, DECLINED])
seldom = st.sampled_from([False, False, True])
either = st.sampled_from([0, 1])
# An order that goes through at one look makes four calls and some forty writes, the most of them
# between the third call and the fourth.
calls, moments = st.integers(0, 4), st.integers(1, 6) | st.integers(1, 18)
stalls = st.builds(
    Mishap,
    st.just(Happens.STALLS),
    calls,
    moments,
    st.lists(st.sampled_from([Meanwhile.CANCEL, *Meanwhile]), max_size=2),
    st.sampled_from([True, True, False]),
)
others = [
    st.builds(Mishap, st.just(what), calls, moments) for what in Happens if what != Happens.STALLS
]
mishaps = st.one_of(stalls, stalls, *others)
# So many looks, one after the other, and what befalls the worker at each.
looks = st.lists(st.none() | mishaps, max_size=4)
first_looks = st.lists(mishaps, min_size=1, max_size=2) | looks
# Whose answer is spoilt, and how; the last two say that the work was done all the same.
faults = st.sampled_from(["drop_before", "http_500", "html", "drop_after", "malformed"])
times = st.sampled_from([1, 2, 1000])


class Promise(RuleBasedStateMachine):
    shop: ClassVar[Shop]
    clara: ClassVar[User]
    forms = Bundle("forms")
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.shop.open()
        self.told = Told()
        self.facts: list[dict[str, Any]] = []
        self.has_work = self.has_held = self.has_faults = self.is_broken = False

    # -- Customers ---------------------------------------------------------------------------------

    @initialize(target=orders, has_sim=seldom, looks=first_looks)
    def a_first_customer_buys(self, looks: Looks, *, has_sim: bool) -> Order:
        return self._bought(0, APPROVED, looks, has_sim=has_sim)

    @rule(target=orders, who=either, card=cards, has_sim=seldom, looks=first_looks)
    def a_customer_buys(self, who: int, card: str, looks: Looks, *, has_sim: bool) -> Order:
        """Choose and send at once, in one tab."""
        return self._bought(who, card, looks, has_sim=has_sim)

    @rule(target=forms, who=either, plan=either, card=cards, has_sim=seldom)
    def a_customer_chooses_a_plan_and_a_card(
        self, who: int, plan: int, card: str, *, has_sim: bool
    ) -> Form:
        return self._chosen(who, plan, card, has_sim=has_sim)

    @rule(target=orders, form=forms)
    def a_customer_sends_a_form(self, form: Form) -> Order | MultipleResults[Order]:
        """Send it for the first time, again, or though a later version was shown in another tab."""
        draft = Draft.objects.get(pk=form.draft)
        if form.draft in self.told.forms and form.version == draft.version:
            assert placing.place(draft, version=form.version).draft_id == form.draft
            return multiple()
        if form.draft in self.told.forms:
            with pytest.raises(placing.PlacedOtherwise):
                placing.place(draft, version=form.version)
            return multiple()
        if form.version != draft.version:
            with pytest.raises(drafts.StaleForm):
                placing.place(draft, version=form.version)
            return multiple()
        return self._sent(form)

    @precondition(workers_have_work)
    @rule(order=orders, looks=looks)
    def a_customer_cancels(self, order: Order, looks: Looks) -> None:
        order.refresh_from_db()
        if order.charge_decided_at or order.state in ENDED:
            with pytest.raises(placing.TooLateToCancel):
                placing.request_cancel(order, actor=order.account)
            return
        placing.request_cancel(order, actor=order.account)
        self.told.cancelled.add(order.pk)
        self.workers_look(looks)

    @precondition(workers_have_work)
    @rule(order=orders, decision=st.sampled_from(["approve", "refuse"]), looks=looks)
    def a_customer_answers_the_bank(self, order: Order, decision: str, looks: Looks) -> None:
        """Say yes or no where the bank asks; the first word counts, and elsewhere nobody asks."""
        for payment in see(self.shop).payments.get(order.number, []):
            url = f"{self.shop.gateway}/challenge/{payment['id']}"
            self.shop.client.post(url, data={"decision": decision})
        self.workers_look(looks)

    # -- Workers and staff -------------------------------------------------------------------------

    @precondition(workers_have_work)
    @rule(looks=st.lists(st.none() | mishaps, min_size=1, max_size=8))
    def workers_look(self, looks: Looks) -> None:
        """Look at whatever is due next, as soon as it is due."""
        for mishap in looks:
            self.shop.pass_time_until_something_is_due()
            for task in self.shop.due()[:1]:
                Worker(mishap, self._others_do).looks(task)

    @precondition(workers_have_work)
    @rule(seconds=st.sampled_from([1, 10, 60, 660, 2400]), looks=looks)
    def time_passes(self, seconds: int, looks: Looks) -> None:
        self.shop.pass_time(timedelta(seconds=seconds))
        self.workers_look(looks)

    @precondition(workers_have_work)
    @rule()
    def hours_pass(self) -> None:
        """Try so often that what cannot be finished is held."""
        for _ in range(TRIES_BEFORE_STAFF + 2):
            self._everything_is_looked_at()

    @precondition(something_is_held)
    @rule(order=orders, looks=looks)
    def staff_try_an_order_again(self, order: Order, looks: Looks) -> None:
        order.refresh_from_db()
        if order.state == OrderState.HELD:
            settling.resume(order, actor=self.clara)
            self.workers_look(looks)
            return
        with pytest.raises(settling.IllegalTransition):
            settling.resume(order, actor=self.clara)

    @precondition(something_is_held)
    @rule(order=orders, looks=looks)
    def staff_give_an_order_up(self, order: Order, looks: Looks) -> None:
        order.refresh_from_db()
        if order.state == OrderState.HELD:
            settling.give_up(order, actor=self.clara, because="no end in sight")
            self.workers_look(looks)
            return
        with pytest.raises(settling.IllegalTransition):
            settling.give_up(order, actor=self.clara, because="no end in sight")

    @rule(order=orders, looks=looks)
    def staff_take_an_order_back(self, order: Order, looks: Looks) -> None:
        order.refresh_from_db()
        if order.state == OrderState.COMPLETED and not Refund.objects.filter(order=order).exists():
            refunding.refund(order, actor=self.clara, because="goodwill")
            self.workers_look(looks)
            return
        with pytest.raises(refunding.NothingToRefund):
            refunding.refund(order, actor=self.clara, because="goodwill")

    # -- The services ------------------------------------------------------------------------------

    @rule(
        function=st.sampled_from(["authorise", "capture", "void", "refund"]),
        fault=faults,
        times=times,
        looks=looks,
    )
    def the_gateway_fails(self, function: str, fault: str, times: int, looks: Looks) -> None:
        self._fail(self.shop.gateway, function, fault, times)
        self.workers_look(looks)

    @rule(
        function=st.sampled_from(["downloadOrder", "confirmOrder", "cancelOrder"]),
        fault=faults | st.just("wrong_iccid"),
        times=times,
        looks=looks,
    )
    def the_smdp_fails(self, function: str, fault: str, times: int, looks: Looks) -> None:
        self._fail(self.shop.smdp, function, fault, times)
        self.workers_look(looks)

    @precondition(something_fails)
    @rule()
    def the_services_are_well_again(self) -> None:
        for service in (self.shop.gateway, self.shop.smdp):
            self.shop.client.delete(f"{service}/faults").raise_for_status()
        self.has_faults = False

    @precondition(something_was_told)
    @rule(which=st.lists(st.integers(0, 7), min_size=1, max_size=3), looks=looks)
    def webhooks_come(self, which: list[int], looks: Looks) -> None:
        """Tell again, late or in another order, of what was true once; and of what never was."""
        for number in which:
            fact = self.facts[number % len(self.facts)]
            self._tell(fact, SECRET)
            before = _bells()
            with pytest.raises(WebhookForged):
                self._tell({**fact, "status": "captured"}, "not the gateway's")
            assert _bells() == before
        self.workers_look(looks)

    # -- The operator ------------------------------------------------------------------------------

    @rule(is_used_up=st.booleans(), looks=looks)
    def the_stock_changes(self, looks: Looks, *, is_used_up: bool) -> None:
        free = Sim.objects.filter(kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE)
        if is_used_up:
            free.update(state=SimState.RETIRED)
        else:
            make_pool(2)
        self.workers_look(looks)

    @precondition(workers_have_work)
    @rule(plan=either, minor_units=st.sampled_from([1900, 2400, 4900]))
    def a_price_changes(self, plan: int, minor_units: int) -> None:
        PlanPrice.objects.filter(plan=self.shop.plans[plan]).update(minor_units=minor_units)

    # -- The promise -------------------------------------------------------------------------------

    @invariant()
    def the_promise_holds(self) -> None:
        self._check(PROMISE)

    def teardown(self) -> None:
        """When the storm is over every order ends, and the books agree to the row."""
        try:
            if not self.is_broken:
                self._wait_until_quiet()
                self._check(AT_REST)
        finally:
            self.shop.close()

    def _wait_until_quiet(self) -> None:
        self.the_services_are_well_again()
        make_pool(len(self.told.forms))
        for _ in range(ROUNDS_UNTIL_QUIET):
            for order in Order.objects.filter(state=OrderState.HELD):
                settling.resume(order, actor=self.clara)
            if not Task.objects.filter(closed_at=None).exists():
                return
            self._everything_is_looked_at()

    def _check(self, clauses: tuple[Any, ...]) -> None:
        seen = see(self.shop)
        wrong = broken(clauses, seen, self.told)
        self.is_broken = bool(wrong)
        assert not wrong, "\n".join(wrong)
        self.has_work = Task.objects.filter(closed_at=None).exists()
        self.has_held = any(order.state == OrderState.HELD for order in seen.orders)
        for order in seen.orders:
            if order.state in ENDED:
                self.told.ends[order.pk] = order.state
            self.facts += [
                fact for fact in seen.payments.get(order.number, []) if fact not in self.facts
            ]

    # -- What rules share --------------------------------------------------------------------------

    def _bought(self, who: int, card: str, looks: Looks, *, has_sim: bool) -> Order:
        order = self._sent(self._chosen(who, 0, card, has_sim=has_sim))
        self.workers_look(looks)
        return order

    def _chosen(self, who: int, plan: int, card: str, *, has_sim: bool) -> Form:
        customer = self.shop.customers[who]
        draft = drafts.open_draft(customer, self.shop.visits[customer, has_sim])
        offer = drafts.offer_of(draft, self.shop.plans[plan].pk)
        drafts.choose_plan(draft, offer, version=draft.version)
        drafts.choose_method(draft, self.shop.card(customer, card), version=draft.version)
        return Form(draft.pk, draft.version, offer.plan.pk, offer.price.taxed.gross.minor_units)

    def _sent(self, form: Form) -> Order:
        self.told.forms[form.draft] = form
        return placing.place(Draft.objects.get(pk=form.draft), version=form.version)

    def _others_do(self, mishap: Mishap) -> None:
        for what in mishap.meanwhile:
            if what == Meanwhile.WEBHOOKS:
                for payment in chain(*see(self.shop).payments.values()):
                    self._tell(payment, SECRET)
                continue
            for order in Order.objects.order_by("pk"):
                if what == Meanwhile.CANCEL:
                    self.a_customer_cancels(order, [])
                else:
                    decision = "approve" if what == Meanwhile.YES else "refuse"
                    self.a_customer_answers_the_bank(order, decision, [])
        if mishap.is_taken_over:
            self.shop.pass_time(LONGER_THAN_A_LEASE)
            self.shop.all_look()

    def _everything_is_looked_at(self) -> None:
        self.shop.pass_time(LONGER_THAN_ANY_PAUSE)
        self.shop.all_look()

    def _tell(self, payment: dict[str, Any], secret: str) -> None:
        event = f"evt_{payment['id'][4:]}_{payment['status']}"
        body = json.dumps({"id": event, "event": "told", "payment": payment})
        headers = {SIGNATURE_HEADER: signed(body, secret, at=0)}
        webhooks.receive(body.encode(), headers)

    def _fail(self, service: str, function: str, fault: str, times: int) -> None:
        self.has_faults = True
        self.shop.post(f"{service}/faults", {"function": function, "fault": fault, "times": times})


def _bells() -> tuple[int, int]:
    return WebhookEvent.objects.count(), sum(Task.objects.values_list("rings", flat=True))


@pytest.fixture
def services(gateway: str, smdp: str, settings: Settings) -> tuple[str, str]:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    return gateway, smdp


@pytest.fixture
def shop(
    alice: User, bob: User, services: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    # Whoever looks is called by the machine; and a line for every event would be millions.
    monkeypatch.setattr("outbox.domain._tell_a_worker", lambda *_task, **_when: None)
    logging.disable(logging.CRITICAL)
    with httpx.Client(trust_env=False) as client:
        yield Shop(*services, (alice, bob), client)
    logging.disable(logging.NOTSET)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_the_promise_holds_whatever_happens(shop: Shop, clara: User) -> None:
    class Played(Promise):
        pass

    Played.shop, Played.clara = shop, clara
    how = settings(
        max_examples=EXAMPLES or 60,
        derandomize=not EXAMPLES,
        stateful_step_count=10,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Played, settings=how)
