"""The promise of docs/contract.md#profile, whatever happens in whatever order.

One decision of the customer makes one order, one charge and one profile. Nobody pays for
what did not come. Whatever dies, every order ends.

Hypothesis plays customers, staff, the bank, services that fail, workers that die or
stall, and the clock, on PostgreSQL and the simulators. After every step the books are
compared (`tests.orders.promise`). Every example commits for real and begins with empty
tables. Inside one big transaction, an error outside the product's own transactions would
break everything after it, and a call made inside a transaction could not be detected.

`make test` plays the same 12 examples each time, `make test-long` 100, and
`make promise` as many random ones as it is told.
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
from tests.orders.play import GATEWAY_FUNCTIONS, SMDP_FUNCTIONS, Play, Runs
from tests.speeds import long

# Set by `make promise`, whose plays are random. Without it the same plays come each time.
EXAMPLES = int(os.environ.get("PROMISE_EXAMPLES", "0"))

cards = st.sampled_from([APPROVED, CUSTOMER_STEP, APPROVED, CUSTOMER_STEP, APPROVED, DECLINED])
seldom = st.sampled_from([False, False, True])
either = st.sampled_from([0, 1])
# An order that completes in one run makes four calls and about forty writes, most of them
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
# The mishap of each run of a worker, one run after the other.
runs = st.lists(st.none() | mishaps, max_size=4)
first_runs = st.lists(mishaps, min_size=1, max_size=2) | runs
# How an answer is spoilt. With the last two the work was done anyway.
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
    """A rule is a sentence. After it workers run, and each may have a mishap."""

    begin: ClassVar[Callable[[], Play]]
    forms = Bundle("forms")
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.play = type(self).begin()

    # -- Customers ---------------------------------------------------------------------------------

    @initialize(target=orders, has_sim=seldom, runs=first_runs)
    def a_first_customer_buys(self, runs: Runs, *, has_sim: bool) -> Order:
        return self.play.buy(APPROVED, runs, has_sim=has_sim)

    @rule(target=orders, who=either, card=cards, has_sim=seldom, runs=first_runs)
    def a_customer_buys(self, who: int, card: str, runs: Runs, *, has_sim: bool) -> Order:
        return self.play.buy(card, runs, who=who, has_sim=has_sim)

    @rule(target=forms, who=either, plan=either, card=cards, has_sim=seldom)
    def a_customer_chooses_a_plan_and_a_card(
        self, who: int, plan: int, card: str, *, has_sim: bool
    ) -> Form:
        return self.play.choose(who, plan, card, has_sim=has_sim)

    @rule(target=orders, form=forms, runs=runs)
    def a_customer_sends_a_form(self, form: Form, runs: Runs) -> Order | MultipleResults[Order]:
        """Send a form: new, repeated, or older than the version in another tab."""
        order = self.play.send(form)
        self.play.process(runs)
        return order or multiple()

    @precondition(there_is_work)
    @rule(order=orders, runs=runs)
    def a_customer_cancels(self, order: Order, runs: Runs) -> None:
        self.play.cancel(order)
        self.play.process(runs)

    @precondition(there_is_work)
    @rule(order=orders, decision=st.sampled_from(["approve", "refuse"]), runs=runs)
    def a_customer_answers_the_bank(self, order: Order, decision: str, runs: Runs) -> None:
        self.play.answer_the_bank(order, decision)
        self.play.process(runs)

    # -- Workers and staff -------------------------------------------------------------------------

    @precondition(there_is_work)
    @rule(runs=st.lists(st.none() | mishaps, min_size=1, max_size=8))
    def workers_process_tasks(self, runs: Runs) -> None:
        self.play.process(runs)

    @precondition(there_is_work)
    @rule(seconds=st.sampled_from([1, 10, 60, 660, 2400]), runs=runs)
    def time_passes(self, seconds: int, runs: Runs) -> None:
        self.play.shop.pass_time(timedelta(seconds=seconds))
        self.play.process(runs)

    @precondition(there_is_work)
    @rule()
    def hours_pass(self) -> None:
        """Try so often that an order that cannot be finished is held."""
        self.play.pass_time_and_process(rounds=TRIES_BEFORE_STAFF + 2)

    @precondition(something_is_held)
    @rule(order=orders, runs=runs)
    def staff_try_an_order_again(self, order: Order, runs: Runs) -> None:
        self.play.try_again(order)
        self.play.process(runs)

    @precondition(something_is_held)
    @rule(order=orders, runs=runs)
    def staff_give_an_order_up(self, order: Order, runs: Runs) -> None:
        self.play.give_up(order)
        self.play.process(runs)

    @rule(order=orders, runs=runs)
    def staff_take_an_order_back(self, order: Order, runs: Runs) -> None:
        self.play.take_back(order)
        self.play.process(runs)

    # -- The services ------------------------------------------------------------------------------

    @rule(function=st.sampled_from(GATEWAY_FUNCTIONS), fault=faults, times=times, runs=runs)
    def the_gateway_fails(self, function: str, fault: str, times: int, runs: Runs) -> None:
        self.play.fail(function, fault, times)
        self.play.process(runs)

    @rule(
        function=st.sampled_from(SMDP_FUNCTIONS),
        fault=faults | st.just("wrong_iccid"),
        times=times,
        runs=runs,
    )
    def the_smdp_fails(self, function: str, fault: str, times: int, runs: Runs) -> None:
        self.play.fail(function, fault, times)
        self.play.process(runs)

    @precondition(something_fails)
    @rule()
    def the_services_are_well_again(self) -> None:
        self.play.mend()

    @precondition(something_was_told)
    @rule(which=st.lists(st.integers(0, 7), min_size=1, max_size=3), runs=runs)
    def webhooks_come(self, which: list[int], runs: Runs) -> None:
        """Report past states again, late or in another order, and states that never were."""
        for number in which:
            fact = self.play.facts[number % len(self.play.facts)]
            self.play.tell(fact)
            self.play.forge({**fact, "status": "captured"})
        self.play.process(runs)

    # -- The operator ------------------------------------------------------------------------------

    @rule(runs=runs)
    def the_pool_is_used_up(self, runs: Runs) -> None:
        self.play.use_up_the_pool()
        self.play.process(runs)

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
@pytest.mark.parametrize("examples", [12, long(EXAMPLES or 100)])
def test_the_promise_holds_whatever_happens(begin_play: Callable[[], Play], examples: int) -> None:
    class Played(Promise):
        begin = staticmethod(begin_play)

    how = settings(
        max_examples=examples,
        derandomize=not EXAMPLES,
        stateful_step_count=10,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Played, settings=how)
