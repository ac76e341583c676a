"""`make screens`: take a screenshot of every page of the portal into `docs/screens/`.

The pages are opened in a separate running copy, in the order of a customer's journey.
`<page>-<language>-<size>.png` shows one window, so it also shows what is below the fold.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import django
import httpx
from playwright.sync_api import Browser, Page, expect

from demo.parts import ROOT
from moportal.identifiers import Iccid
from simulators.mobileplans.samples import STAFF, STAFF_PASSWORD
from tests.browser import launch_browser
from tests.e2e.customer import EID, REFUSED_CARD, Customer
from tests.providers import break_it
from tests.stack import Stack, make_copy, running_stack

SCREENS = ROOT / "docs/screens"
DESK, PHONE = (800, 600), (360, 640)
SIMULATOR = (1280, 900)
# A profile of the demo data that is installed and belongs to nobody.
INSTALLED = Iccid.numbered("8944110", 4)
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Look:
    """A language, window size and colour scheme. Empty `pages` means all pages."""

    locale: str
    size: tuple[int, int]
    scheme: Scheme = "light"
    pages: frozenset[str] = frozenset()

    @property
    def suffix(self) -> str:
        dark = "-dark" if self.scheme == "dark" else ""
        return f"{self.locale[:2]}{dark}-{self.size[0]}x{self.size[1]}"


FEW = frozenset(
    {"plans", "review", "order-done", "device", "install", "problem-device", "problem-reissue"}
)
LOOKS = [
    *(Look(locale, size) for locale in ("en", "ar-AE") for size in (DESK, PHONE)),
    *(Look("de-DE", size, pages=FEW) for size in (DESK, PHONE)),
    Look("en", DESK, "dark", FEW),
]

PROGRESS = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"


class Photographer:
    """Takes the screenshots of one look."""

    def __init__(self, page: Page, look: Look) -> None:
        self.page = page
        self.look = look

    def take(self, name: str) -> None:
        if self.look.pages and name not in self.look.pages:
            return
        self.page.evaluate("document.fonts.ready.then(function () {})")
        self.page.mouse.move(0, 0)
        path = SCREENS / f"{name}-{self.look.suffix}.png"
        self.page.screenshot(path=path, animations="disabled", caret="hide")
        print(path.relative_to(ROOT))


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    SCREENS.mkdir(parents=True, exist_ok=True)
    for old in SCREENS.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        running_stack(make_copy("sqlite", Path(folder))) as stack,
        contextmanager(launch_browser)() as browser,
    ):
        _slow_down(stack)
        for look in LOOKS:
            for walk in FEW_WALKS if look.pages else WALKS:
                _walk(browser, stack, look, walk)
        _simulator(browser, stack)
        _desk(browser, stack)
    with (
        tempfile.TemporaryDirectory(prefix="screens-") as folder,
        running_stack(make_copy("sqlite", Path(folder)), {"PAYMENT_CARD_ENTRY": "page"}) as stack,
        contextmanager(launch_browser)() as browser,
    ):
        _slow_down(stack)
        for look in LOOKS:
            if not look.pages:
                _walk(browser, stack, look, _card_page)
    return 0


def _slow_down(stack: Stack) -> None:
    """Slow both providers down, so that each step of the progress is visible."""
    for url, function in (
        (stack.smdp_url, "downloadOrder"),
        (stack.payment_url, "open_page"),
        (stack.payment_url, "fetch_page"),
    ):
        break_it(url, function, "delay", times=1000, seconds=3)


Walk = Callable[[Customer, Photographer], None]


def _walk(browser: Browser, stack: Stack, look: Look, walk: Walk) -> None:
    width, height = look.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=look.locale,
        color_scheme=look.scheme,
        reduced_motion="reduce",
        device_scale_factor=1,
    )
    with closing(context):
        page = context.new_page()
        # Only an app puts its object into the page.
        host = walk is not _open_web
        walk(
            Customer(page, stack.base_url, host=host, language=look.locale[:2]),
            Photographer(page, look),
        )


def _buy(noor: Customer, photographer: Photographer) -> None:
    """Buy a plan, from launch to handoff, and open the account."""
    noor.launch()
    photographer.take("sign-in")
    noor.page.goto(f"{noor.base_url}/sign-up/")
    photographer.take("sign-up")
    noor.launch()
    noor.sign_up()
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


def _read(noor: Customer, photographer: Photographer) -> None:
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


def _fail(noor: Customer, photographer: Photographer) -> None:
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


def _card_page(noor: Customer, photographer: Photographer) -> None:
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


def _open_web(noor: Customer, photographer: Photographer) -> None:
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


def _problems(noor: Customer, photographer: Photographer) -> None:
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


def _failed_download(noor: Customer, photographer: Photographer) -> None:
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


def _simulator(browser: Browser, stack: Stack) -> None:
    """Take the simulator with a connected device, for the README."""
    width, height = SIMULATOR
    context = browser.new_context(viewport={"width": width, "height": height})
    with closing(context):
        page = context.new_page()
        noor = Customer(page, stack.base_url, host=False)
        page.goto(f"{stack.base_url}/simulator/")
        page.locator("#launch").click()
        frame = page.locator("iframe#portal").element_handle().content_frame()
        assert frame is not None
        noor.view = frame
        noor.sign_up()
        noor.choose()
        noor.choose_plan(1)
        noor.pay_with()
        noor.submit()
        noor.press("Continue")
        device = page.locator("#device")
        expect(device).to_have_attribute("data-state", "connected", timeout=30_000)
        page.screenshot(path=SCREENS / "simulator.png", animations="disabled")


def _desk(browser: Browser, stack: Stack) -> None:
    """Refund an order in the admin, and take what staff and the customer see."""
    with closing(browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})) as context:
        noor = Customer(context.new_page(), stack.base_url)
        noor.buy()
        noor.sees("You're all set")
        order = noor.page.url
        number = order.rstrip("/").rsplit("/", 1)[-1]
        # Staff use a second browser context. In the same one the
        # customer's session would end.
        with closing(browser.new_context(viewport={"width": 1280, "height": 900})) as office:
            desk = office.new_page()
            desk.goto(f"{stack.base_url}/admin/orders/order/?q={number}")
            desk.fill("[name=username]", STAFF)
            desk.fill("[name=password]", STAFF_PASSWORD)
            desk.click("[type=submit]")
            _picture(desk, "desk-orders")
            desk.locator("#result_list tbody th a").first.click()
            desk.get_by_text("downloadOrder").first.wait_for()
            _picture(desk, "desk-order")
            desk.go_back()
            desk.locator("#result_list [name=_selected_action]").first.check()
            desk.select_option("[name=action]", "take_back")
            desk.locator("[name=index]").first.click()
            desk.fill("[name=because]", "Bought twice by mistake")
            _picture(desk, "desk-refund")
            desk.click("[type=submit][value^=Yes]")
            desk.locator(".messagelist").wait_for()
        noor.page.goto(order)
        noor.sees("Your order was refunded")
        _picture(noor.page, "order-taken-back")


def _picture(page: Page, name: str) -> None:
    page.screenshot(path=SCREENS / f"{name}.png", animations="disabled", caret="hide")


FEW_WALKS: tuple[Walk, ...] = (_buy, _open_web, _problems)
WALKS: tuple[Walk, ...] = (*FEW_WALKS, _read, _fail, _failed_download)

if __name__ == "__main__":
    sys.exit(main())
