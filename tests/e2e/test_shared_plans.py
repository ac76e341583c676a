"""One plan on two devices, in a browser: the second device joins it, and is removed again."""

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.e2e.outside import balances
from tests.e2e.test_own_plans import sees, sell
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite

WALKS = [(800, 600), (360, 640)]
LAPTOP = "89049032000000000000000000000066"


@on_sqlite
@pytest.mark.parametrize(("width", "height"), sampled(WALKS, in_short=WALKS[:1]))
def test_a_second_device_joins_a_plan_and_is_removed_again(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url)
    plan = sell(stack, noor, "4242424242424242")

    noor.launch(eid=LAPTOP)
    noor.choose("Attach this device to a plan you have")
    noor.sees("Which plan should this device use?")
    sees(noor, "1 more device can share it. It costs nothing extra.")
    noor.choose_plan()
    noor.sees("Review your order")
    sees(noor, "The plan's own price stays the same.")
    noor.submit()
    noor.sees("You're all set")
    result = noor.finish()
    assert (result["success"], result["activationCode"][:2]) == (True, "1$")
    assert balances(stack, result["iccid"])[0]["dataRemainingInMB"] == 10_000

    noor.launch(eid=LAPTOP)
    noor.sign_in(noor.identifier, noor.password)
    noor.page.goto(f"{stack.base_url}{plan}")
    sees(noor, "Devices that share this plan")
    noor.page.get_by_role("link", name=f"ending in {result['iccid'][-4:]}").click()
    noor.sees("Remove this device?")
    noor.press("Remove this device")
    noor.sees("Monthly")
    sees(noor, "It can't use this plan any more.")
    expect(noor.page.get_by_text("Devices that share this plan")).to_have_count(0)
    assert balances(stack, result["iccid"])[0]["type"] == "NONE"
