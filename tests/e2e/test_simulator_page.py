"""The Mobile Plans simulator in Chromium, as a person uses it after `make run`.

The tests find these elements of the page: `#launch` and `[data-preset]` (the launch), the iframe
`#portal` (the WebView), `#app[data-view]` (start, portal, working, connected, left, problem),
`#received [data-valid]` and `#received tr[data-field]` (the string, field by field),
`#device[data-state]` (idle, downloading, installing, connecting, connected, failed) and `#calls`
(how often the app was called).
"""

import re

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from tests.browser import PageAt
from tests.e2e.customer import PATIENCE, Customer
from tests.e2e.outside import balances, payments, profiles
from tests.e2e.shopper import order_number
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql, on_sqlite

WINDOW = (1280, 900)
ARABIC_IN_DUBAI, BRAZIL, INVALID_EID = 2, 5, 6


def test_the_purchase_works_through_the_simulator(stack: Stack, page_at: PageAt) -> None:
    noor = _launch(page_at(*WINDOW), stack)
    noor.sign_up()
    noor.choose()
    noor.choose_plan(1)
    noor.pay_with()
    noor.submit()
    noor.sees("You're all set")
    order = noor.view.evaluate("location.pathname")
    noor.press("Continue")

    device = noor.page.locator("#device")
    expect(device).to_have_attribute("data-state", "connected", timeout=PATIENCE)
    expect(noor.page.locator("#app")).to_have_attribute("data-view", "connected")
    expect(noor.page.locator("#calls")).to_have_text("1 \u00d7")
    expect(noor.page.locator("#received .verdict")).to_have_attribute("data-valid", "true")
    expect(noor.page.locator("#received tr.is-bad")).to_have_count(0)
    expect(device.locator("[data-slot=amount]")).to_have_text("5 GB")
    iccid = device.locator("[data-slot=iccid]").inner_text()
    assert [p["state"] for p in profiles(stack) if p["iccid"] == iccid] == ["Installed"]
    assert [balance["dataRemainingInMB"] for balance in balances(stack, iccid)] == [5000]
    noor.page.goto(f"{stack.base_url}{order}")
    noor.view = noor.page
    noor.sign_in(noor.identifier, noor.password)
    expect(noor.page.locator(".summary-note").first).to_have_text("The eSIM is on your device")


@on_sqlite
def test_the_simulator_speaks_arabic_to_the_portal(stack: Stack, page_at: PageAt) -> None:
    noor = _launch(page_at(*WINDOW), stack, preset=ARABIC_IN_DUBAI, language="ar")

    noor.sign_up()
    noor.sees("How would you like to get online?")

    expect(noor.view.locator("html")).to_have_attribute("dir", "rtl")


@on_postgresql
def test_cancel_asks_to_leave_and_stay_returns_to_the_portal(stack: Stack, page_at: PageAt) -> None:
    noor = _launch(page_at(*WINDOW), stack)
    noor.sign_up()
    noor.choose()
    noor.press("Cancel")

    app = noor.page.locator("#app")
    expect(app).to_have_attribute("data-view", "left")
    expect(_field(noor.page, "line")).to_have_text("Bailed")
    expect(_field(noor.page, "moDirectStatus")).to_have_text("None")
    noor.page.locator("#stay").click()
    noor.sees("You left without buying")


@on_sqlite
def test_an_invalid_eid_is_answered_with_invalid_sim(stack: Stack, page_at: PageAt) -> None:
    noor = _launch(page_at(*WINDOW), stack, preset=INVALID_EID)
    noor.sees("We can't use this SIM")

    noor.press("Cancel")

    expect(_field(noor.page, "moDirectStatus")).to_have_text("InvalidSIM")
    expect(noor.page.locator("#received .verdict")).to_have_attribute("data-valid", "true")


@on_postgresql
def test_the_options_say_that_no_plan_works_in_brazil(stack: Stack, page_at: PageAt) -> None:
    noor = _launch(page_at(*WINDOW), stack, preset=BRAZIL)

    noor.sign_up()

    expect(noor.view.locator(".notice-title")).to_have_text(re.compile("Brazil"))
    expect(noor.view.locator(".support")).to_be_visible()


@on_sqlite
def test_the_back_button_of_the_app_goes_back_within_the_portal(
    stack: Stack, page_at: PageAt
) -> None:
    noor = _launch(page_at(*WINDOW), stack)
    noor.sign_up()
    noor.choose()
    noor.sees("Choose a plan")

    noor.page.locator("#back").click()

    noor.sees("How would you like to get online?")


def _launch(
    page: Page, stack: Stack, *, preset: int | None = None, language: str = "en", **chosen: str
) -> Customer:
    """Launch in the simulator, and return a customer whose view is the portal's frame.

    `chosen` sets fields of the launch form by name, such as `host` and `download`.
    """
    noor = Customer(page, stack.base_url, host=False, language=language)
    page.goto(f"{stack.base_url}/simulator/")
    if preset is not None:
        page.locator(f"[data-preset='{preset}']").click()
    for name, value in chosen.items():
        page.locator(f"#id_{name}").select_option(value)
    page.locator("#launch").click()
    noor.view = _frame(page)
    return noor


def _field(page: Page, name: str) -> Locator:
    return page.locator(f"#received tr[data-field={name}] td").first


def test_a_failed_download_is_repaired_through_the_simulator(stack: Stack, page_at: PageAt) -> None:
    page = page_at(*WINDOW)
    noor = _launch(page, stack, download="EidMismatch")
    number = _buy(noor)
    device = page.locator("#device")
    expect(device).to_have_attribute("data-state", "failed", timeout=PATIENCE)
    first = _profile_of(stack, number)

    page.locator("#return").click()
    noor.view = _frame(page)
    noor.sees("This eSIM was made for another device")
    noor.view.get_by_role("link", name="Sign in").click()
    noor.sign_in(noor.identifier, noor.password)
    noor.press("Get a new eSIM")
    noor.sees("Your eSIM is ready")
    noor.press("Continue")

    expect(device).to_have_attribute("data-state", "connected", timeout=PATIENCE)
    second = device.locator("[data-slot=iccid]").inner_text()
    states = {profile["iccid"]: profile["state"] for profile in profiles(stack)}
    assert first not in states
    assert states[second] == "Installed"
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]


@on_postgresql
@pytest.mark.parametrize(
    "code",
    sampled(["CardBusy", "ServerFailure", "TimeoutWaitingForUserConsent"], in_short=["CardBusy"]),
)
def test_a_retry_through_the_simulator_installs_the_same_esim(
    stack: Stack, page_at: PageAt, code: str
) -> None:
    page = page_at(*WINDOW)
    noor = _launch(page, stack, download=code)
    number = _buy(noor)
    device = page.locator("#device")
    expect(device).to_have_attribute("data-state", "failed", timeout=PATIENCE)

    page.locator("#return").click()
    noor.view = _frame(page)
    noor.view.get_by_role("link", name="Sign in").click()
    noor.sign_in(noor.identifier, noor.password)
    noor.press("Try again")

    expect(device).to_have_attribute("data-state", "connected", timeout=PATIENCE)
    assert device.locator("[data-slot=iccid]").inner_text() == _profile_of(stack, number)


@pytest.mark.parametrize("host", ["inline", "odsa"])
@on_postgresql
def test_every_app_of_the_simulator_receives_the_purchase(
    stack: Stack, page_at: PageAt, host: str
) -> None:
    page = page_at(*WINDOW)
    noor = _launch(page, stack, host=host)
    number = _buy(noor)

    device = page.locator("#device")
    expect(device).to_have_attribute("data-state", "connected", timeout=PATIENCE)
    expect(page.locator("#received .verdict")).to_have_attribute("data-valid", "true")
    iccid = _profile_of(stack, number)
    assert [p["state"] for p in profiles(stack) if p["iccid"] == iccid] == ["Installed"]


def _buy(noor: Customer) -> str:
    """Buy a plan in the frame, continue, and return the order's number."""
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.pay_with()
    noor.submit()
    noor.sees("You're all set")
    number = order_number(noor.view.evaluate("location.pathname"))
    noor.press("Continue")
    return number


def _profile_of(stack: Stack, number: str) -> str:
    """Return the current ICCID of the order's eSIM."""
    return stack.manage(
        "from orders.models import Order;"
        f"print(Order.objects.get(number={number!r}).profile.sim.iccid)"
    ).strip()


def _frame(page: Page) -> Frame:
    frame = page.locator("iframe#portal").element_handle().content_frame()
    assert frame is not None
    return frame


@on_sqlite
def test_in_a_narrow_window_the_portal_comes_before_the_controls(
    stack: Stack, page_at: PageAt
) -> None:
    page = page_at(360, 640)
    page.goto(f"{stack.base_url}/simulator/")
    page.locator("#app").get_by_role("button", name="Launch").click()
    noor = Customer(page, stack.base_url, host=False)
    noor.view = _frame(page)
    noor.sees("Get online in the United States")

    window = page.locator("#app").bounding_box()
    controls = page.locator("#launch-form").bounding_box()

    assert window is not None
    assert controls is not None
    assert window["y"] + window["height"] <= controls["y"]
    assert window["x"] >= 0
    assert window["x"] + window["width"] <= 360


@on_sqlite
def test_a_launch_from_below_the_window_brings_the_portal_into_view(
    stack: Stack, page_at: PageAt
) -> None:
    page = page_at(360, 640)
    page.goto(f"{stack.base_url}/simulator/")

    page.locator("#launch").click()

    expect(page.locator("#app .app-bar")).to_be_in_viewport()


@on_sqlite
def test_the_chosen_preset_says_what_it_is_for(stack: Stack, page_at: PageAt) -> None:
    page = page_at(*WINDOW)
    page.goto(f"{stack.base_url}/simulator/")

    page.locator(f"[data-preset='{BRAZIL}']").click()
    expect(page.locator("#purpose")).to_have_text("No plan works there, and the portal says so.")
    page.locator("#id_location").fill("US")

    expect(page.locator("#purpose")).to_be_empty()
