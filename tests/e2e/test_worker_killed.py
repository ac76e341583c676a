"""`kill -9` of the worker at each of its calls to the outside.

The call's row is stored, and the call itself is answered, lost or late. The next worker
knows only what the row says. The order must still end with exactly one charge and one
profile, or with none if it fails or is cancelled.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product

import httpx
import pytest

from demo.parts import LOOPBACK
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import GOOD_CARD
from tests.e2e.outside import live, payments, profiles, query
from tests.e2e.proxy import Pause, Proxy, proxy_before
from tests.e2e.shopper import Shopper, order_number
from tests.providers import break_it
from tests.speeds import sampled
from tests.stack import Kind, Stack, make_copy, running_stack

STEP_CARD = "4000 0027 6000 3184"
PAUSED_WITHIN = 20.0
ENDED_WITHIN = 120.0
# A dead worker's lease has to run out first, and the default
# lease allows for longer calls.
SHORT_LEASE = {"OUTBOX_LEASE": "2.5", "OUTSIDE_CALL_TIMEOUT": "2"}
ES2 = "POST /gsma/rsp2/es2plus/"
CALLS = {
    "authorise": "POST /payments",
    "fetch": "GET /payments/[^/]+",
    "capture": "POST /payments/[^/]+/capture",
    "void": "POST /payments/[^/]+/void",
    "downloadOrder": f"{ES2}downloadOrder",
    "confirmOrder": f"{ES2}confirmOrder",
    "cancelOrder": f"{ES2}cancelOrder",
    "activate": "PUT /subscriptions/[^/]+/sims/[^/]+",
    "end": "DELETE /subscriptions/[^/]+",
}
# The calls that an order makes on its way to each end.
COURSES = {
    "bought": ("authorise", "downloadOrder", "confirmOrder", "activate", "capture"),
    "bought with a step at the bank": ("fetch",),
    "cancelled": ("void", "cancelOrder", "end"),
    "failed": ("void", "cancelOrder"),
}
# What happens to the call. Answered: its answer comes after the worker's death. Lost: the
# call never arrives. Late: the call arrives after the next worker has finished.
FATES = ("answered", "lost", "late")
MATRIX = [
    (course, call, fate) for course, calls in COURSES.items() for call in calls for fate in FATES
]
# The sample contains each course, each fate and each service.
SAMPLE = [
    ("bought", "authorise", "lost"),
    ("bought", "downloadOrder", "late"),
    ("bought", "capture", "answered"),
    ("bought with a step at the bank", "fetch", "lost"),
    ("cancelled", "end", "late"),
    ("failed", "void", "answered"),
]
STATE = "SELECT state FROM orders_order WHERE number = :number"
OPEN = """
SELECT concat_ws(' ', 'attempts:', t.attempts, 'not before:', t.not_before, t.last_error)
FROM outbox_task t JOIN orders_order o ON t.subject = CAST(o.id AS VARCHAR(64))
WHERE t.kind = 'order' AND t.closed_at IS NULL AND o.number = :number
"""
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
class ProxiedStack:
    """A running copy that reaches the simulators through proxies."""

    stack: Stack
    smdp: Proxy
    payment: Proxy
    network: Proxy

    def proxy_for(self, call: str) -> Proxy:
        if call in {"activate", "end"}:
            return self.network
        return self.smdp if CALLS[call].startswith(ES2) else self.payment


@pytest.fixture(scope="module")
def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedStack]:
    kind: Kind = request.param
    copy = make_copy(kind, tmp_path_factory.mktemp("proxied"))
    with ExitStack() as contexts:
        smdp = contexts.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.smdp_port}"))
        payment = contexts.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.payment_port}"))
        network = contexts.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.network_port}"))
        urls = {"PAYMENT_GATEWAY_URL": payment.url, "NETWORK_URL": network.url}
        outside = {"SMDP_URL": smdp.url, **urls, **SHORT_LEASE}
        stack = contexts.enter_context(running_stack(copy, outside))
        yield ProxiedStack(stack, smdp, payment, network)


on_postgresql = pytest.mark.parametrize("proxied", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("proxied", ["sqlite"], indirect=True)
# In seconds, longer than an order may take to end.
pytestmark = pytest.mark.timeout(200)


@on_postgresql
@pytest.mark.parametrize(("course", "call", "fate"), sampled(MATRIX, in_short=SAMPLE))
def test_a_worker_killed_at_a_call_doubles_and_loses_nothing(
    proxied: ProxiedStack, shopper_at: ShopperAt, course: str, call: str, fate: str
) -> None:
    _check_killed_worker(proxied, shopper_at(proxied.stack.base_url), course, call, fate)


@on_sqlite
@pytest.mark.long
@pytest.mark.parametrize("call", COURSES["bought"])
def test_a_worker_killed_at_a_call_doubles_and_loses_nothing_on_sqlite(
    proxied: ProxiedStack, shopper_at: ShopperAt, call: str
) -> None:
    _check_killed_worker(proxied, shopper_at(proxied.stack.base_url), "bought", call, "answered")


def _check_killed_worker(
    proxied: ProxiedStack, alice: Shopper, course: str, call: str, fate: str
) -> None:
    alice.come_to_review(STEP_CARD if "bank" in course else GOOD_CARD)
    before = _assigned_iccids(proxied)

    with proxied.proxy_for(call).pausing(CALLS[call], answered=fate == "answered") as paused:
        number = ORDER_STEPS[course](proxied, alice)
        with _worker_killed(proxied, paused, fate):
            assert _outcomes(proxied, number, call) == ["unanswered"]
        # The first call's outcome stays unknown, so the next worker calls again.
        _wait_until(lambda: _was_repeated(proxied, number, call))
        _wait_until(lambda: _books(proxied, number, before) == _expected_books(course))
        _let_arrive(paused, fate)

    assert _books(proxied, number, before) == _expected_books(course)
    if course == "bought":
        assert alice.wait_for_end().heading == "You're all set"
        assert {alice.finish()["iccid"]} == _assigned_iccids(proxied) - before


@on_postgresql
@pytest.mark.parametrize(
    ("call", "fate"),
    sampled(
        product(["authorise", "downloadOrder", "confirmOrder", "activate"], FATES),
        in_short=[("authorise", "answered"), ("confirmOrder", "late")],
    ),
)
def test_an_order_cancelled_while_its_worker_is_dead_leaves_nothing_behind(
    proxied: ProxiedStack, shopper_at: ShopperAt, call: str, fate: str
) -> None:
    alice = shopper_at(proxied.stack.base_url)
    alice.come_to_review()
    before = _assigned_iccids(proxied)

    with proxied.proxy_for(call).pausing(CALLS[call], answered=fate == "answered") as paused:
        number = _buy(proxied, alice)
        with _worker_killed(proxied, paused, fate):
            _leave(alice)
        _wait_until(lambda: _books(proxied, number, before) == _expected_books("cancelled"))
        _wait_until_no_task_is_open(proxied, number)
        _let_arrive(paused, fate)

    assert _books(proxied, number, before) == _expected_books("cancelled")


@contextmanager
def _worker_killed(proxied: ProxiedStack, paused: Pause, fate: str) -> Iterator[None]:
    """Kill the worker while its call is paused, and start a new one when the context ends."""
    assert paused.reached.wait(PAUSED_WITHIN)
    proxied.stack.kill_worker()
    try:
        yield
    finally:
        if fate != "late":
            paused.drop()
        proxied.stack.start_worker()


def _let_arrive(paused: Pause, fate: str) -> None:
    if fate == "late":
        paused.resume()
        assert paused.over.wait(PAUSED_WITHIN)


def _buy(_proxied: ProxiedStack, alice: Shopper) -> str:
    return order_number(alice.send("submit-order").address)


def _buy_with_bank_step(proxied: ProxiedStack, alice: Shopper) -> str:
    number = _buy(proxied, alice)
    # The gateway's webhook makes the worker fetch the payment's state.
    bank = alice.wait_for_link("/challenge/").replace(
        proxied.payment.url, proxied.stack.payment_url
    )
    httpx.post(bank, data={"decision": "approve"}, trust_env=False)
    return number


def _cancel(proxied: ProxiedStack, alice: Shopper) -> str:
    """Cancel after the profile is confirmed and before the charge is decided."""
    with proxied.smdp.pausing(CALLS["confirmOrder"], answered=True) as confirmed:
        number = _buy(proxied, alice)
        assert confirmed.reached.wait(PAUSED_WITHIN)
        _leave(alice)
        confirmed.resume()
    return number


def _fail(proxied: ProxiedStack, alice: Shopper) -> str:
    """Make the SM-DP+ confirm another profile, so that the order fails."""
    break_it(proxied.stack.smdp_url, "confirmOrder", "wrong_iccid")
    return _buy(proxied, alice)


ORDER_STEPS: dict[str, Callable[[ProxiedStack, Shopper], str]] = {
    "bought": _buy,
    "bought with a step at the bank": _buy_with_bank_step,
    "cancelled": _cancel,
    "failed": _fail,
}


def _leave(alice: Shopper) -> None:
    alice.open("/leave/")
    alice.leave()


def _wait_until(is_true: Callable[[], bool]) -> None:
    """Wait up to two minutes for the next worker to finish and release what is not needed."""
    deadline = time.monotonic() + ENDED_WITHIN
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


Books = tuple[str, list[str], int, int]


def _expected_books(course: str) -> Books:
    """Return order state, gateway payments, number of profiles, and number of active services."""
    if course.startswith("bought"):
        return "completed", ["captured"], 1, 1
    return course, ["voided"], 0, 0


def _books(proxied: ProxiedStack, number: str, before: set[str]) -> Books:
    paid = [payment["status"] for payment in payments(proxied.stack, number)]
    (state,) = query(proxied.stack, STATE, number=number)
    return state, paid, len(_assigned_iccids(proxied) - before), len(live(proxied.stack, number))


def _assigned_iccids(proxied: ProxiedStack) -> set[str]:
    """Return the ICCIDs that the SM-DP+ has assigned. Check that none is assigned twice."""
    found = [profile["iccid"] for profile in profiles(proxied.stack)]
    assert len(found) == len(set(found))
    return set(found)


def _was_repeated(proxied: ProxiedStack, number: str, call: str) -> bool:
    first, *more = _outcomes(proxied, number, call)
    return first == "unanswered" and bool(more) and "unanswered" not in more


def _wait_until_no_task_is_open(proxied: ProxiedStack, number: str) -> None:
    """Wait for the order's own task. Others repeat themselves, such as the one for usage."""
    deadline = time.monotonic() + ENDED_WITHIN
    while tasks := query(proxied.stack, OPEN, number=number):
        assert time.monotonic() < deadline, tasks
        time.sleep(0.1)


def _outcomes(proxied: ProxiedStack, number: str, call: str) -> list[str]:
    return query(proxied.stack, OUTCOMES, number=number, call=call)
