"""The step at the bank, for a device in the walled garden."""

import httpx

from tests.e2e.customer import Customer
from tests.e2e.test_bank_step import STEP_CARD
from tests.providers import break_it
from tests.screens.photographer import Photographer

MAKE_CARD = """
from esim.models import Sim
from moportal.identifiers import Iccid
number = Iccid.numbered("894499", Sim.objects.count() + 700_000)
print(Sim.objects.create(iccid=number, kind="physical").iccid)
"""
# A number of a way out that no walk comes to.
ALL_WAYS = 10**9


def bank_step(noor: Customer, photographer: Photographer) -> None:
    """Wait for a way out, lose it, and pay from another device."""
    stack = photographer.stack
    iccid = stack.manage(MAKE_CARD).strip()
    break_it(stack.network_url, "open_way", "delay", seconds=3)
    noor.launch(eid="", imei="", iccid=iccid)
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.pay_with(STEP_CARD)
    noor.submit()
    noor.sees("Your bank wants you to confirm")
    photographer.take("bank-opening")
    noor.page.get_by_role("link", name=noor.words("Go to your bank")).wait_for()
    photographer.take("bank")

    # The customer comes back undecided, and the network opens no further way.
    noor.page.goto(f"{noor.page.url}returned/")
    httpx.delete(f"{stack.network_url}/ways/{iccid}/{ALL_WAYS}", trust_env=False)
    noor.press("Go to your bank")
    noor.sees("Your bank can't be reached from here")
    photographer.take("bank-unreachable")
    # The other button of this name is a title.
    noor.page.locator("#bar").get_by_role("button").last.click()
    noor.page.locator(".paying-code").wait_for()
    photographer.take("bank-other-device")
    code = noor.page.locator(".paying-code").inner_text()

    noor.page.goto(f"{stack.base_url}/pay/{code}/")
    photographer.take("pay")
    noor.press("Next")
    noor.sees("The bank wants a confirmation")
    photographer.take("pay-order")
