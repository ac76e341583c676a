"""Usage reaches Get Balance: the network counts it, and the worker fetches it."""

import time

import httpx

from tests.e2e.conftest import ShopperAt
from tests.e2e.outside import balances, live
from tests.stack import Stack

# In seconds.
PATIENCE = 40


def test_the_data_of_a_plan_can_be_used_up(stack: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(stack.base_url)
    number = alice.order()
    alice.wait_for_end()
    [[iccid]] = [service["iccids"] for service in live(stack, number)]
    [before] = balances(stack, iccid)

    use(stack, iccid, 250_000_000)

    wait_until_left(stack, iccid, before["dataRemainingInMB"] - 250)
    # Far more than the plan holds.
    use(stack, iccid, 10**12)
    wait_until_left(stack, iccid, 0)
    assert balances(stack, iccid)[0]["type"] == "NONE"


def use(stack: Stack, iccid: str, used: int) -> None:
    usage = {"iccid": iccid, "bytes": used}
    httpx.post(f"{stack.network_url}/usage", json=usage, trust_env=False).raise_for_status()


def wait_until_left(stack: Stack, iccid: str, megabytes: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while (left := balances(stack, iccid)[0]["dataRemainingInMB"]) != megabytes:
        assert time.monotonic() < deadline, f"still {left} MB"
        time.sleep(0.5)
