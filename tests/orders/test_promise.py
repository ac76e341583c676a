"""The promise of docs/contract.md#profile, whatever happens in whatever order.

One order, one charge and one profile for one decision of the customer; nobody pays for what did
not come; whatever dies, every order ends.

Hypothesis plays customers, staff, the bank, two services that fail, workers that die or stall and
the clock, on PostgreSQL and both simulators; after every step the three books are compared
(`tests.orders.promise`). An example commits for real and begins with empty tables: within one
transaction that is undone in the end, an error outside of the product's own transactions would
doom all that follows, and a call made inside of one could not be told from any other.

`make test` plays the same 40 examples each time, `make test-long` 200 random ones, and
`make promise` as many as it is told.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

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

from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF
from plans.models import PlanPrice
from tests.builders import make_pool
from tests.orders.conftest import APPROVED, CUSTOMER_STEP, DECLINED
from tests.orders.machine import Form, Happens, Meanwhile, Mishap
from tests.orders.play import GATEWAY_FUNCTIONS, SMDP_FUNCTIONS, Looks, Play
from tests.speeds import long

# Set by `make promise`.
WHOLE = int(os.environ.get("PROMISE_EXAMPLES", "200"))

cards = st.sampled_from([APPROVED, CUSTOMER_STEP, APPROVED, CUSTOMER_STEP, APPROVED, DECLINED])
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


def there_is_work(promise: "Promise") -> bool:
    return promise.play.has_work


def something_is_held(promise: "Promise") -> bool:
    return promise.play.has_held


def something_fails(promise: "Promise") -> bool:
    return promise.play.has_faults


def something_was_told(promise: "Promise") -> bool:
    return promise.play.has_work and bool(promise.play.facts)


class Promise(RuleBasedStateMachine):
    """A rule is a sentence; after it workers look, and something may befall each of them."""

    begin: ClassVar[Callable[[], Play]]
    forms = Bundle("forms")
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.play = type(self).begin()

    # -- Customers ---------------------------------------------------------------------------------

    @initialize(target=orders, has_sim=seldom, looks=first_looks)
    def a_first_customer_buys(self, looks: Looks, *, has_sim: bool) -> Order:
        return self.play.buy(APPROVED, looks, has_sim=has_sim)

    @rule(target=orders, who=either, card=cards, has_sim=seldom, looks=first_looks)
    def a_customer_buys(self, who: int, card: str, looks: Looks, *, has_sim: bool) -> Order:
        return self.play.buy(card, looks, who=who, has_sim=has_sim)

    @rule(target=forms, who=either, plan=either, card=cards, has_sim=seldom)
    def a_customer_chooses_a_plan_and_a_card(
        self, who: int, plan: int, card: str, *, has_sim: bool
    ) -> Form:
        return self.play.choose(who, plan, card, has_sim=has_sim)

    @rule(target=orders, form=forms, looks=looks)
    def a_customer_sends_a_form(self, form: Form, looks: Looks) -> Order | MultipleResults[Order]:
        """Send it for the first time, again, or though a later version was shown in another tab."""
        order = self.play.send(form)
        self.play.look(looks)
        return order or multiple()

    @precondition(there_is_work)
    @rule(order=orders, looks=looks)
    def a_customer_cancels(self, order: Order, looks: Looks) -> None:
        self.play.cancel(order)
        self.play.look(looks)

    @precondition(there_is_work)
    @rule(order=orders, decision=st.sampled_from(["approve", "refuse"]), looks=looks)
    def a_customer_answers_the_bank(self, order: Order, decision: str, looks: Looks) -> None:
        self.play.answer_the_bank(order, decision)
        self.play.look(looks)

    # -- Workers and staff -------------------------------------------------------------------------

    @precondition(there_is_work)
    @rule(looks=st.lists(st.none() | mishaps, min_size=1, max_size=8))
    def workers_look(self, looks: Looks) -> None:
        self.play.look(looks)

    @precondition(there_is_work)
    @rule(seconds=st.sampled_from([1, 10, 60, 660, 2400]), looks=looks)
    def time_passes(self, seconds: int, looks: Looks) -> None:
        self.play.shop.pass_time(timedelta(seconds=seconds))
        self.play.look(looks)

    @precondition(there_is_work)
    @rule()
    def hours_pass(self) -> None:
        """Try so often that what cannot be finished is held."""
        self.play.pass_time_and_look(rounds=TRIES_BEFORE_STAFF + 2)

    @precondition(something_is_held)
    @rule(order=orders, looks=looks)
    def staff_try_an_order_again(self, order: Order, looks: Looks) -> None:
        self.play.try_again(order)
        self.play.look(looks)

    @precondition(something_is_held)
    @rule(order=orders, looks=looks)
    def staff_give_an_order_up(self, order: Order, looks: Looks) -> None:
        self.play.give_up(order)
        self.play.look(looks)

    @rule(order=orders, looks=looks)
    def staff_take_an_order_back(self, order: Order, looks: Looks) -> None:
        self.play.take_back(order)
        self.play.look(looks)

    # -- The services ------------------------------------------------------------------------------

    @rule(function=st.sampled_from(GATEWAY_FUNCTIONS), fault=faults, times=times, looks=looks)
    def the_gateway_fails(self, function: str, fault: str, times: int, looks: Looks) -> None:
        self.play.fail(function, fault, times)
        self.play.look(looks)

    @rule(
        function=st.sampled_from(SMDP_FUNCTIONS),
        fault=faults | st.just("wrong_iccid"),
        times=times,
        looks=looks,
    )
    def the_smdp_fails(self, function: str, fault: str, times: int, looks: Looks) -> None:
        self.play.fail(function, fault, times)
        self.play.look(looks)

    @precondition(something_fails)
    @rule()
    def the_services_are_well_again(self) -> None:
        self.play.mend()

    @precondition(something_was_told)
    @rule(which=st.lists(st.integers(0, 7), min_size=1, max_size=3), looks=looks)
    def webhooks_come(self, which: list[int], looks: Looks) -> None:
        """Tell again, late or in another order, of what was true once; and of what never was."""
        for number in which:
            fact = self.play.facts[number % len(self.play.facts)]
            self.play.tell(fact)
            self.play.forge({**fact, "status": "captured"})
        self.play.look(looks)

    # -- The operator ------------------------------------------------------------------------------

    @rule(looks=looks)
    def the_pool_is_used_up(self, looks: Looks) -> None:
        self.play.use_up_the_pool()
        self.play.look(looks)

    @rule()
    def new_iccids_arrive(self) -> None:
        make_pool(2)

    @precondition(there_is_work)
    @rule(plan=either, minor_units=st.sampled_from([1900, 2400, 4900]))
    def a_price_changes(self, plan: int, minor_units: int) -> None:
        of_plan = PlanPrice.objects.filter(plan=self.play.shop.plans[plan])
        of_plan.update(minor_units=minor_units)

    # -- The promise -------------------------------------------------------------------------------

    @invariant()
    def the_promise_holds(self) -> None:
        self.play.check()

    def teardown(self) -> None:
        self.play.end()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0)
@pytest.mark.parametrize("examples", [40, long(WHOLE)])
def test_the_promise_holds_whatever_happens(begin_play: Callable[[], Play], examples: int) -> None:
    class Played(Promise):
        begin = staticmethod(begin_play)

    how = settings(
        max_examples=examples,
        derandomize=examples != WHOLE,
        stateful_step_count=10,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Played, settings=how)
