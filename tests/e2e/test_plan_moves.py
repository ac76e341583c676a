"""A plan is moved to another device, in a browser: it is undone, or half an hour passes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.e2e.outside import balances, download
from tests.e2e.test_own_plans import reload_until, sees, sell
from tests.e2e.test_shared_plans import LAPTOP
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite

WALKS = [(800, 600), (360, 640)]
OLD_SIM = """
from subscriptions.models import SimOnLine
print(SimOnLine.objects.get(line__subscriptions__reference={reference!r}, until=None).sim.iccid)
"""
HALF_AN_HOUR_LATER = """
from django.utils.timezone import now
from outbox.domain import enqueue
from subscriptions.domain import moves
from subscriptions.models import PlanMove
live = PlanMove.objects.filter(new__sim__iccid={iccid!r}, state="live")
for move in live:
    PlanMove.objects.filter(pk=move.pk).update(retires_at=now())
    enqueue(moves.KIND, move.pk)
"""


def sell_and_move(stack: Stack, noor: Customer) -> tuple[str, str, dict[str, Any]]:
    """Sell a plan, and order its move to the laptop.

    Return the plan's address, the old ICCID, and what is handed over.
    """
    plan = sell(stack, noor, "4242424242424242")
    old = stack.manage(OLD_SIM.format(reference=plan.split("/")[-2])).strip()
    noor.launch(eid=LAPTOP)
    noor.choose("Attach this device to a plan you have")
    sees(noor, "Move a plan to this device")
    # The first row shares the plan.
    noor.choose_plan(1)
    noor.sees("Review your order")
    sees(noor, "keeps working until the plan works on this device")
    noor.press("Move the plan")
    noor.sees("You're all set")
    return plan, old, noor.finish()


def works_on(stack: Stack, *iccids: str) -> list[bool]:
    return [balances(stack, iccid)[0]["type"] != "NONE" for iccid in iccids]


def wait_until(noor: Customer, is_so: Callable[[], bool]) -> None:
    for _ in range(60):
        if is_so():
            return
        noor.page.wait_for_timeout(500)
    raise AssertionError("it never came to that")


@on_sqlite
@pytest.mark.parametrize(("width", "height"), sampled(WALKS, in_short=WALKS[:1]))
def test_a_plan_works_on_both_devices_until_the_move_is_undone(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url)
    plan, old, result = sell_and_move(stack, noor)
    new = result["iccid"]
    assert (result["success"], works_on(stack, old, new)) == (True, [True, True])

    noor.launch(eid=LAPTOP)
    noor.sign_in(noor.identifier, noor.password)
    noor.page.goto(f"{stack.base_url}{plan}")
    sees(noor, "This plan is moving to another device")
    assert download(stack, result["activationCode"], LAPTOP)["result"] == "success"
    reload_until(noor, "This plan was moved to another device")
    assert works_on(stack, old, new) == [True, True]

    noor.page.get_by_role("link", name="Undo the move").click()
    noor.sees("Undo the move?")
    noor.press("Undo the move")
    sees(noor, "The plan stays on")
    assert works_on(stack, old, new) == [True, False]


@on_sqlite
@pytest.mark.parametrize(("width", "height"), sampled(WALKS, in_short=WALKS[:1]))
def test_half_an_hour_after_the_download_the_old_device_is_off_the_plan(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url)
    _plan, old, result = sell_and_move(stack, noor)
    assert download(stack, result["activationCode"], LAPTOP)["result"] == "success"

    def old_one_is_off() -> bool:
        stack.manage(HALF_AN_HOUR_LATER.format(iccid=result["iccid"]))
        return works_on(stack, old) == [False]

    wait_until(noor, old_one_is_off)
    assert works_on(stack, result["iccid"]) == [True]
