"""`kill -9` after the answer was given and before the worker wrote it down."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from demo.parts import LOOPBACK
from tests.e2e.conftest import ShopperAt
from tests.e2e.outside import es2_calls, payments, profiles
from tests.e2e.proxy import Proxy, proxy_before
from tests.e2e.shopper import Shopper, order_number
from tests.stack import Kind, Stack, make_copy, running_stack

HELD_WITHIN = 20.0
# A dead worker's lease must run out first; the default is made for calls that take longer.
SHORT = {"OUTBOX_LEASE": "4", "OUTSIDE_CALL_TIMEOUT": "3"}


@dataclass
class Watched:
    """A copy whose way to both simulators leads through proxies."""

    stack: Stack
    smdp: Proxy
    payment: Proxy


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    kind: Kind = request.param
    copy = make_copy(kind, tmp_path_factory.mktemp("watched"))
    with ExitStack() as held:
        smdp = held.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.smdp_port}"))
        payment = held.enter_context(proxy_before(f"http://{LOOPBACK}:{copy.payment_port}"))
        outside = {"SMDP_URL": smdp.url, "PAYMENT_GATEWAY_URL": payment.url, **SHORT}
        yield Watched(held.enter_context(running_stack(copy, outside)), smdp, payment)


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_a_profile_ordered_by_a_worker_that_died_is_the_one_delivered(
    watched: Watched, shopper_at: ShopperAt, function: str
) -> None:
    alice = shopper_at(watched.stack.base_url)
    alice.come_to_review()
    before = {profile["iccid"] for profile in profiles(watched.stack)}

    _kill_the_worker_after(watched, watched.smdp, function, alice)
    (ordered,) = {profile["iccid"] for profile in profiles(watched.stack)} - before
    watched.stack.start_worker()
    page = alice.wait_for_end()

    assert page.heading == "You're set"
    assert alice.finish()["iccid"] == ordered
    assert {profile["iccid"] for profile in profiles(watched.stack)} == before | {ordered}
    asked = [call["function"] for call in es2_calls(watched.stack) if call["iccid"] == ordered]
    assert asked.count(function) == 2


@pytest.mark.parametrize(
    ("ending", "status"), [("/payments", "authorised"), ("/capture", "captured")]
)
def test_a_payment_made_by_a_worker_that_died_is_made_once(
    watched: Watched, shopper_at: ShopperAt, ending: str, status: str
) -> None:
    alice = shopper_at(watched.stack.base_url)
    alice.come_to_review()

    number = _kill_the_worker_after(watched, watched.payment, ending, alice)
    (paid,) = payments(watched.stack, number)
    watched.stack.start_worker()
    page = alice.wait_for_end()

    assert paid["status"] == status
    assert page.heading == "You're set"
    assert payments(watched.stack, number) == [{**paid, "status": "captured"}]


def _kill_the_worker_after(watched: Watched, proxy: Proxy, ending: str, shopper: Shopper) -> str:
    """Submit, and kill the worker while the answer to it is on its way; return the order."""
    with proxy.holding(ending):
        number = order_number(shopper.send("submit-order").address)
        assert proxy.answered.wait(HELD_WITHIN)
        watched.stack.kill_worker()
    assert shopper.open(shopper.sheet.address).is_polling
    return number
