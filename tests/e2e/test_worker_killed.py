"""`kill -9` of the worker at every call that it makes outside.

The row of the call is written and the call is under way: lost, answered, or on a slow road. The
next worker knows no more than the row says, and must come to one charge and one profile, or, of an
order that comes to nothing, to none.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from demo.parts import LOOPBACK
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import GOOD_CARD
from tests.e2e.outside import live, payments, profiles
from tests.e2e.proxy import Hold, Proxy, proxy_before
from tests.e2e.shopper import Shopper, order_number
from tests.providers import break_it
from tests.stack import Kind, Stack, make_copy, running_stack

STEP_CARD = "4000 0027 6000 3184"
HELD_WITHIN = 20.0
ENDED_WITHIN = 120.0
# A dead worker's lease must run out first; the default is made for calls that take longer.
SHORT = {"OUTBOX_LEASE": "2.5", "OUTSIDE_CALL_TIMEOUT": "2"}
ES2 = "POST /gsma/rsp2/es2plus/"
CALLS = {
    "authorise": "POST /payments",
    "fetch": "GET /payments/[^/]+",
    "capture": "POST /payments/[^/]+/capture",
    "void": "POST /payments/[^/]+/void",
    "downloadOrder": f"{ES2}downloadOrder",
    "confirmOrder": f"{ES2}confirmOrder",
    "cancelOrder": f"{ES2}cancelOrder",
    "activate": "PUT /subscriptions/[^/]+",
    "end": "DELETE /subscriptions/[^/]+",
}
# Which calls an order makes on its way to each end.
COURSES = {
    "bought": ("authorise", "downloadOrder", "confirmOrder", "activate", "capture"),
    "bought with a step at the bank": ("fetch",),
    "cancelled": ("void", "cancelOrder", "end"),
    "failed": ("void", "cancelOrder"),
}
# What becomes of the call: answered when nobody listens any more; lost, so that it never arrives;
# or late, so that it arrives when the next worker is through with everything.
MOMENTS = ("answered", "lost", "late")
STATE = "SELECT state FROM orders_order WHERE number = :number"
OPEN = "SELECT id FROM outbox_task WHERE closed_at IS NULL"
OUTCOMES = """
SELECT c.outcome, c.sent_at FROM payments_gatewaycall c
JOIN payments_payment p ON p.id = c.payment_id
WHERE p.reference = :number AND c.operation = :call
UNION ALL
SELECT c.outcome, c.sent_at FROM esim_es2call c
JOIN orders_order o ON o.profile_id = c.profile_id
WHERE o.number = :number AND c.function = :call
UNION ALL
SELECT c.outcome, c.sent_at FROM subscriptions_networkcall c
JOIN subscriptions_subscription s ON s.id = c.subscription_id
WHERE s.reference = :number AND c.operation = :call
ORDER BY 2
"""


@dataclass
class Watched:
    """A copy whose way to the simulators leads through proxies."""

    stack: Stack
    smdp: Proxy
    payment: Proxy
    network: Proxy

    def way_of(self, call: str) -> Proxy:
        if call in {"activate", "end"}:
            return self.network
        return self.smdp if CALLS[call].startswith(ES2) else self.payment


@pytest.fixture(scope="module")
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    kind: Kind = request.param
    copy = make_copy(kind, tmp_path_factory.mktemp("watched"))
    with ExitStack() as held:
        smdp = held.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.smdp_port}"))
        payment = held.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.payment_port}"))
        network = held.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.network_port}"))
        urls = {"PAYMENT_GATEWAY_URL": payment.url, "NETWORK_URL": network.url}
        outside = {"SMDP_URL": smdp.url, **urls, **SHORT}
        stack = held.enter_context(running_stack(copy, outside))
        yield Watched(stack, smdp, payment, network)


on_postgresql = pytest.mark.parametrize("watched", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("watched", ["sqlite"], indirect=True)
# Longer than an order may take to its end.
pytestmark = pytest.mark.timeout(200)


@on_postgresql
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("course", "call"), [(course, call) for course, calls in COURSES.items() for call in calls]
)
def test_a_worker_killed_at_a_call_doubles_and_loses_nothing(
    watched: Watched, shopper_at: ShopperAt, course: str, call: str, moment: str
) -> None:
    _kill_at(watched, shopper_at(watched.stack.base_url), course, call, moment)


@on_sqlite
@pytest.mark.parametrize("call", COURSES["bought"])
def test_it_is_no_different_on_sqlite(watched: Watched, shopper_at: ShopperAt, call: str) -> None:
    _kill_at(watched, shopper_at(watched.stack.base_url), "bought", call, "answered")


def _kill_at(watched: Watched, alice: Shopper, course: str, call: str, moment: str) -> None:
    alice.come_to_review(STEP_CARD if "bank" in course else GOOD_CARD)
    before = _taken(watched)

    with watched.way_of(call).holding(CALLS[call], answered=moment == "answered") as held:
        number = TAKE[course](watched, alice)
        with _the_worker_dead(watched, held, moment):
            assert _outcomes(watched, number, call) == ["unanswered"]
        # It stays unknown what became of that one: who comes next asks again.
        _wait_until(lambda: _asked_again(watched, number, call))
        _wait_until(lambda: _books(watched, number, before) == _right(course))
        _let_arrive(held, moment)

    assert _books(watched, number, before) == _right(course)
    if course == "bought":
        assert alice.wait_for_end().heading == "You're set"
        assert {alice.finish()["iccid"]} == _taken(watched) - before


@on_postgresql
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", ["authorise", "downloadOrder", "confirmOrder", "activate"])
def test_an_order_cancelled_while_its_worker_is_dead_leaves_nothing_behind(
    watched: Watched, shopper_at: ShopperAt, call: str, moment: str
) -> None:
    alice = shopper_at(watched.stack.base_url)
    alice.come_to_review()
    before = _taken(watched)

    with watched.way_of(call).holding(CALLS[call], answered=moment == "answered") as held:
        number = _buy(watched, alice)
        with _the_worker_dead(watched, held, moment):
            _leave(alice)
        _wait_until(lambda: _books(watched, number, before) == _right("cancelled"))
        _wait_until(lambda: _is_quiet(watched))
        _let_arrive(held, moment)

    assert _books(watched, number, before) == _right("cancelled")


@contextmanager
def _the_worker_dead(watched: Watched, held: Hold, moment: str) -> Iterator[None]:
    """Kill the worker when its call is held, and start it again in the end."""
    assert held.reached.wait(HELD_WITHIN)
    watched.stack.kill_worker()
    try:
        yield
    finally:
        if moment != "late":
            held.lose()
        watched.stack.start_worker()


def _let_arrive(held: Hold, moment: str) -> None:
    if moment == "late":
        held.let_go()
        assert held.over.wait(HELD_WITHIN)


def _buy(_watched: Watched, alice: Shopper) -> str:
    return order_number(alice.send("submit-order").address)


def _buy_by_way_of_the_bank(watched: Watched, alice: Shopper) -> str:
    number = _buy(watched, alice)
    # The bell that the gateway rings has the worker ask how the payment stands.
    bank = alice.wait_for_link("/challenge/").replace(
        watched.payment.url, watched.stack.payment_url
    )
    httpx.post(bank, data={"decision": "approve"}, trust_env=False)
    return number


def _cancel(watched: Watched, alice: Shopper) -> str:
    """Cancel when the profile is there and the charge is not decided."""
    with watched.smdp.holding(CALLS["confirmOrder"], answered=True) as confirmed:
        number = _buy(watched, alice)
        assert confirmed.reached.wait(HELD_WITHIN)
        _leave(alice)
        confirmed.let_go()
    return number


def _fail(watched: Watched, alice: Shopper) -> str:
    """Let the SM-DP+ confirm what was not asked for: the profile is given up."""
    break_it(watched.stack.smdp_url, "confirmOrder", "wrong_iccid")
    return _buy(watched, alice)


TAKE: dict[str, Callable[[Watched, Shopper], str]] = {
    "bought": _buy,
    "bought with a step at the bank": _buy_by_way_of_the_bank,
    "cancelled": _cancel,
    "failed": _fail,
}


def _leave(alice: Shopper) -> None:
    alice.open("/leave/")
    alice.leave()


def _wait_until(is_so: Callable[[], bool]) -> None:
    """Give the next worker two minutes for the end, and for letting go of what is not needed."""
    deadline = time.monotonic() + ENDED_WITHIN
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


Books = tuple[str, list[str], int, int]


def _right(course: str) -> Books:
    """Return the order's state, its payments over there, how many profiles, how many plans live."""
    if course.startswith("bought"):
        return "completed", ["captured"], 1, 1
    return course, ["voided"], 0, 0


def _books(watched: Watched, number: str, before: set[str]) -> Books:
    paid = [payment["status"] for payment in payments(watched.stack, number)]
    (state,) = _read(watched, STATE, number=number)
    return state, paid, len(_taken(watched) - before), len(live(watched.stack, number))


def _taken(watched: Watched) -> set[str]:
    """Return the ICCIDs that the SM-DP+ has given away; a profile taken twice would stand twice."""
    found = [profile["iccid"] for profile in profiles(watched.stack)]
    assert len(found) == len(set(found))
    return set(found)


def _asked_again(watched: Watched, number: str, call: str) -> bool:
    first, *more = _outcomes(watched, number, call)
    return first == "unanswered" and bool(more) and "unanswered" not in more


def _is_quiet(watched: Watched) -> bool:
    """Say whether nothing is left to look at: every row of the outbox is closed."""
    return not _read(watched, OPEN)


def _outcomes(watched: Watched, number: str, call: str) -> list[str]:
    return _read(watched, OUTCOMES, number=number, call=call)


def _read(watched: Watched, statement: str, **values: str) -> list[Any]:
    """Return the first column, from either kind of database."""
    url = watched.stack.copy.database_url
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return [row[0] for row in connection.execute(statement, values)]
    with psycopg.connect(url) as connection:
        found = connection.execute(re.sub(r":(\w+)", r"%(\1)s", statement).encode(), values)
        return [row[0] for row in found]
