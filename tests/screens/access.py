"""Walks to the pages of access and account."""

from contextlib import closing

from simulators.mobileplans.samples import UNUSED_ICCID
from tests.e2e.customer import Customer
from tests.e2e.shopper import Shopper
from tests.screens.photographer import Photographer
from tests.stack import Stack


def recover(noor: Customer, photographer: Photographer) -> None:
    """Come to sign-in with a forgotten password."""
    noor.launch()
    noor.page.get_by_role("link", name=noor.words("Forgot your password?")).click()
    noor.sees("Set a new password")
    photographer.take("recover")
    noor.page.get_by_role("link", name=noor.words("Get a code by email or SMS")).click()
    noor.sees("Get a code")
    noor.page.locator("[autocomplete=username]").fill("noor@example.com")
    noor.press("Send the code")
    noor.page.locator("[name=code]").wait_for()
    photographer.take("recover-enter-code")


def account(noor: Customer, photographer: Photographer) -> None:
    """Look at the messages in the account, and at sign-in and security."""
    noor.buy()
    noor.sees("You're all set")
    noor.page.goto(f"{noor.base_url}/account/")
    noor.page.locator("[href*='/account/messages/']").first.click()
    photographer.take("message")
    noor.page.goto(f"{noor.base_url}/account/security/")
    noor.sees("Sign-in and security")
    photographer.take("security")
    noor.page.goto(f"{noor.base_url}/account/addresses/")
    photographer.take("addresses")
    noor.page.locator("[href$='/prove/']").click()
    noor.sees("Confirm that it's yours")
    noor.press("Send the code")
    noor.page.locator("[name=code]").wait_for()
    photographer.take("address-code")
    noor.page.goto(f"{noor.base_url}/account/confirm/?next=/account/addresses/add/")
    noor.sees("Confirm it's you")
    photographer.take("confirm")


def take_sim_as_stranger(stack: Stack) -> None:
    """Buy on a SIM card of the demo data, without proving that it is the buyer's."""
    stranger = Shopper(stack.base_url)
    with closing(stranger.client):
        stranger.launch(eid="", imei="", iccid=UNUSED_ICCID)
        stranger.sign_up()
        stranger.choose_plan()
        stranger.pay_with()
        stranger.send("submit-order")
        stranger.wait_for_end()


def confirm_sim(noor: Customer, photographer: Photographer) -> None:
    """Come with the SIM that a stranger has put on their account."""
    noor.launch(eid="", imei="", iccid=UNUSED_ICCID)
    noor.sign_up()
    noor.sees("Is this SIM yours?")
    photographer.take("sim")
