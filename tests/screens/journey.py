"""Walks of a customer, from launch to handoff and back after a failed download."""

import httpx
from playwright.sync_api import expect

from moportal.identifiers import Iccid
from tests.e2e.customer import EID, REFUSED_CARD, Customer
from tests.screens.photographer import Photographer

PROGRESS = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
# A profile of the demo data that is installed and belongs to nobody.
INSTALLED = Iccid.numbered("8944110", 4)


def buy(noor: Customer, photographer: Photographer) -> None:
    """Buy a plan, from launch to handoff, and open the account."""
    noor.page.goto(f"{noor.base_url}/sign-in/")
    photographer.take("sign-in")
    noor.launch()
    photographer.take("sign-up")
    noor.open_account()
    photographer.take("recovery-code")
    noor.pass_recovery_code()
    noor.sees("How would you like to get online?")
    photographer.take("options")
    noor.choose()
    noor.sees("Choose a plan")
    noor.page.get_by_role("radio").nth(1).check(force=True)
    photographer.take("plans")
    noor.choose_plan(1)
    noor.sees("How would you like to pay?")
    photographer.take("payment")
    noor.pay_with()
    noor.sees("Review your order")
    photographer.take("review")
    _order_in_progress(noor, photographer)
    noor.sees("You're all set")
    photographer.take("order-done")
    noor.page.goto(f"{noor.base_url}/account/")
    photographer.take("account")
    noor.page.go_back()
    noor.finish()
    photographer.take("handoff")
    noor.page.context.clear_cookies()
    noor.page.reload()
    photographer.take("handoff-over")


def _order_in_progress(noor: Customer, photographer: Photographer) -> None:
    """Submit the order and take the page between two steps."""
    noor.submit()
    noor.page.locator(".rail-done").first.wait_for()
    photographer.take("order-progress")


def read(noor: Customer, photographer: Photographer) -> None:
    """Open the pages beside the journey, and those of a launch that cannot continue."""
    noor.launch()
    for name in ("support", "terms", "privacy", "language", "leave"):
        noor.page.goto(f"{noor.base_url}/{name}/")
        photographer.take(name)
    noor.page.goto(f"{noor.base_url}/nothing/")
    photographer.take("not-found")
    noor.launch(eid="1" * 32)
    photographer.take("launch-refused")
    noor.launch(location="BR")
    noor.sign_up()
    noor.sees("How would you like to get online?")
    photographer.take("options-nowhere")
    noor.press("Cancel")
    noor.handed_over()
    photographer.take("handoff-left")


def fail(noor: Customer, photographer: Photographer) -> None:
    """Send a form with errors, then a card that is declined. The card is stored all the same."""
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    noor.press("Next")
    expect(noor.page.locator("#errors")).to_be_visible()
    photographer.take("payment-errors")
    noor.pay_with(REFUSED_CARD)
    noor.submit()
    noor.sees("Your payment was declined")
    photographer.take("order-refused")
    noor.press("Try another card")
    noor.sees("How would you like to pay?")
    photographer.take("payment-stored")


def card_page(noor: Customer, photographer: Photographer) -> None:
    """Go back from the gateway without a card, then enter one."""
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan(1)
    noor.sees("How would you like to pay?")
    photographer.take("payment-card-page")
    noor.press("Next")
    noor.sees("Your new card")
    photographer.take("card-opening")
    waiting = noor.page.url
    noor.page.wait_for_url("**/card/page_*")
    noor.page.goto(waiting)
    noor.page.get_by_role("link", name=noor.words("Go to the card page")).wait_for()
    photographer.take("card-typing")
    noor.page.get_by_role("link", name=noor.words("Go to the card page")).click()
    noor.page.get_by_role("button", name="Go back without a card").click()
    noor.page.locator(".rail-current", has_text=noor.words("Checking your card")).wait_for()
    photographer.take("card-checking")
    noor.sees("How would you like to pay?")
    photographer.take("payment-no-card")
    noor.press("Next")
    noor.page.wait_for_url("**/card/page_*")
    noor.type_card_at_gateway()
    noor.sees("Review your order")


def open_web(noor: Customer, photographer: Photographer) -> None:
    """Buy in an ordinary browser. The customer enters the EID and installs the eSIM."""
    noor.launch(eid="", imei="")
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("Which device will use the eSIM?")
    photographer.take("device")
    noor.page.locator("[name=eid]").fill(EID[:-1] + "6")
    noor.press("Next")
    expect(noor.page.locator("#errors")).to_be_visible()
    photographer.take("device-errors")
    noor.page.locator("[name=eid]").fill(EID)
    noor.press("Next")
    noor.pay_with()
    noor.submit()
    noor.sees("You're all set")
    noor.page.goto(f"{noor.base_url}/account/")
    photographer.take("account-to-install")
    noor.page.get_by_role("link", name=noor.words("Install it")).click()
    photographer.take("install")
    noor.press("Cancel")
    noor.page.wait_for_url("**/handoff/")
    photographer.take("handoff-open-web")
    noor.launch(iccids=INSTALLED)
    noor.sign_in(noor.identifier, noor.password)
    noor.choose()
    noor.choose_plan()
    noor.page.goto(f"{noor.base_url}/device/")
    photographer.take("device-choice")


def problems(noor: Customer, photographer: Photographer) -> None:
    """Relaunch after failed downloads, with one page for each remedy."""
    noor.buy()
    noor.sees("You're all set")
    iccid = noor.finish()["iccid"]
    _come_back(noor, "InsufficientSpaceOnCard", iccid)
    photographer.take("problem-signed-out")
    noor.page.goto(f"{noor.base_url}/sign-in/")
    noor.sign_in(noor.identifier, noor.password)
    for code, name in (
        ("InsufficientSpaceOnCard", "device"),
        ("ServerNotReachable", "retry"),
        ("IccidAlreadyExists", "activate"),
        ("ServerNotTrusted", "support"),
        ("EidMismatch", "reissue"),
    ):
        _come_back(noor, code, iccid)
        photographer.take(f"problem-{name}")
    noor.press("Get a new eSIM")
    noor.sees("Preparing your eSIM")
    photographer.take("problem-progress")
    noor.sees("Your eSIM is ready")
    photographer.take("problem-ready")


def failed_download(noor: Customer, photographer: Photographer) -> None:
    """Sign in after a failed download that only the SM-DP+ has reported."""
    from tests.esim.test_notices import STANDARD  # noqa: PLC0415 -- models need settings

    noor.buy()
    noor.sees("You're all set")
    codes = {"subjectCode": "8.8.5", "reasonCode": "3.8"}
    failed = {"status": "Failed", "statusCodeData": codes}
    told = {"iccid": noor.finish()["iccid"], "notificationPointStatus": failed}
    httpx.post(f"{noor.base_url}{PROGRESS}", json={**STANDARD, **told}, trust_env=False)
    noor.launch()
    noor.sign_in(noor.identifier, noor.password)
    tile = noor.page.get_by_role("link", name=noor.words("Your eSIM isn't on your device yet"))
    while not tile.count():
        noor.page.reload()
    photographer.take("options-failed")
    noor.page.goto(f"{noor.base_url}/account/")
    photographer.take("account-failed")
    noor.page.goto(f"{noor.base_url}/esim-problem/")
    photographer.take("problem-told")


def _come_back(noor: Customer, code: str, iccid: str) -> None:
    headers = {"X-MP-LPAError-Codes": code, "X-MP-LPAError-ICCIDs": iccid}
    noor.page.context.set_extra_http_headers(headers)
    noor.launch()
    noor.page.context.set_extra_http_headers({})
