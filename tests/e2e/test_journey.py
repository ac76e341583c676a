"""A purchase in Chromium, from launch to handoff, with the app's object in the page."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PageAt
from tests.e2e.customer import EID, Customer
from tests.e2e.outside import balances, download, es2_calls, payments
from tests.e2e.payload import purchase_result
from tests.e2e.shopper import order_number
from tests.speeds import long
from tests.stack import Stack, on_postgresql, on_sqlite

SIZES = [(800, 600), (360, 640)]
# The amount is in view at each of them, whatever the page's length.
WINDOWS = [*SIZES, (320, 568)]
DAY_IN_SECONDS = 24 * 3600
PHYSICAL = "8944110000000000008"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_customer_buys_a_plan_and_the_app_gets_one_valid_string(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url)

    _walk_to_confirmation(noor)
    number = order_number(_path(noor.page))
    payload = noor.finish()

    assert payload["success"] is True
    assert payload["transactionId"] == noor.transaction_id
    assert payload["purchaseResult"] == purchase_result("New", "New", "New", "Complete", "Day pass")
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]
    expect(noor.page.locator("#by-hand")).to_be_hidden()
    assert download(stack, payload["activationCode"], EID)["iccid"] == payload["iccid"]


def test_get_balance_shows_the_plan_that_was_bought(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    iccid = noor.finish()["iccid"]

    (basic,) = balances(stack, iccid, fieldsTemplate="basic")
    (full,) = balances(stack, iccid, fieldsTemplate="full", location="US")

    left = _seconds(basic.pop("timeRemaining"))
    assert basic.keys() == {"id", "type", "dataRemainingInMB"}
    assert (basic["type"], basic["dataRemainingInMB"]) == ("MODIRECTPAYG", 1000)
    assert DAY_IN_SECONDS - 60 < left <= DAY_IN_SECONDS
    assert full["id"] == basic["id"]
    assert full["locations"] == ["US"]


@on_sqlite
def test_without_script_the_last_page_shows_the_code_to_type(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(script=False), stack.base_url, host=False)
    noor.buy()
    noor.sees("You're all set")

    noor.press("Continue")
    noor.sees("Your plan is ready")

    code = noor.page.locator("#activation-code")
    expect(code).to_be_visible()
    text = code.inner_text()
    assert re.fullmatch(r"1\$smdp\.kestrel\.example\$[0-9A-Z-]{23}", text)
    noor.page.locator("#by-hand summary").click()
    assert noor.page.locator("#by-hand code").all_inner_texts() == [text, *text.split("$")[1:]]
    expect(noor.page.locator("[data-copies]")).to_be_hidden()
    assert download(stack, text, EID)["result"] == "success"


@pytest.mark.parametrize(
    ("locale", "language", "direction", "plan_name"),
    [
        ("de-CH", "de", "ltr", "Tagespass"),
        ("ar-AE", "ar", "rtl", "بطاقة يوم"),
        ("ja-JP", "ja", "ltr", "1日パス"),
        long("fr-CA", "fr", "ltr", "Pass journée"),
        long("es-MX", "es", "ltr", "Pase de un día"),
        long("pt-BR", "pt-br", "ltr", "Passe diário"),
        long("zh-CN", "zh-hans", "ltr", "单日套餐"),
    ],
)
@on_postgresql
def test_the_whole_journey_is_in_the_customers_language(  # noqa: PLR0917 -- parameters of the test
    stack: Stack, page_at: PageAt, locale: str, language: str, direction: str, plan_name: str
) -> None:
    noor = Customer(page_at(360, 640, locale), stack.base_url, language=language)

    _walk_to_confirmation(noor)
    payload = noor.finish()

    assert payload["purchaseResult"] == purchase_result("New", "New", "New", "Complete", plan_name)
    root = noor.page.locator("html")
    expect(root).to_have_attribute("lang", language)
    expect(root).to_have_attribute("dir", direction)


@on_sqlite
def test_the_hosts_back_button_keeps_the_choices_and_orders_nothing_twice(
    stack: Stack, page_at: PageAt
) -> None:
    noor = Customer(page_at(), stack.base_url)
    _walk_to_review(noor, plan=1)

    noor.page.go_back()
    noor.sees("How would you like to pay?")
    expect(noor.page.get_by_role("radio").first).to_be_checked()
    noor.page.go_back()
    noor.sees("Choose a plan")
    expect(noor.page.get_by_role("radio").nth(1)).to_be_checked()
    noor.press("Next")
    noor.sees("How would you like to pay?")
    noor.press("Next")
    noor.sees("Review your order")
    noor.submit()
    noor.sees("You're all set")
    order = _path(noor.page)
    noor.page.go_back()
    noor.sees("How would you like to get online?")
    noor.page.locator('a[href^="/orders/"]').click()
    noor.sees("You're all set")

    assert _path(noor.page) == order
    assert len(payments(stack, order_number(order))) == 1
    noor.page.goto(f"{stack.base_url}/account/")
    assert noor.page.locator(".orders-state").count() == 1


@on_postgresql
def test_the_portals_back_link_leads_through_the_steps(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(360, 640), stack.base_url)
    _walk_to_review(noor, plan=2)
    seen = []

    for _ in range(3):
        noor.page.get_by_role("link", name="Back", exact=True).click()
        seen.append(_path(noor.page))

    assert seen == ["/payment/", "/plans/", "/options/"]
    noor.page.goto(f"{stack.base_url}/review/")
    expect(noor.page.locator(".summary-main bdi").first).to_have_text("World")


@on_sqlite
def test_a_reload_of_the_handoff_calls_the_app_again(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    first = noor.finish()

    noor.page.reload()

    assert noor.handed_over() == first


@on_postgresql
def test_no_personal_data_remains_after_the_handoff(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    order = _path(noor.page)
    noor.finish()

    # The cookie of a known browser opens nothing (docs/accounts.md), so it may stay.
    assert {cookie["name"] for cookie in noor.page.context.cookies()} == {"browser", "handoff"}
    assert noor.page.evaluate("localStorage.length + sessionStorage.length") == 0
    noor.page.go_back()
    noor.sees("Sign in")
    noor.page.goto(stack.base_url + order)
    noor.sees("Sign in")
    noor.page.context.clear_cookies()
    noor.page.goto(f"{stack.base_url}/handoff/")
    noor.sees("You are signed out")


@on_sqlite
def test_a_returning_customer_pays_with_the_stored_card(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy()
    noor.sees("You're all set")
    first = noor.finish()

    noor.launch()
    noor.sign_in(noor.identifier, noor.password)
    noor.choose("Monthly plans")
    noor.choose_plan(1)
    noor.sees("How would you like to pay?")
    noor.press("Next")
    noor.page.locator("#id_consent").check()
    noor.submit()
    noor.sees("You're all set")
    second = noor.finish()

    inner = purchase_result("Existing", "Existing", "New", "Complete", "Unlimited")
    assert second["purchaseResult"] == inner
    assert second["iccid"] != first["iccid"]


def test_a_plan_for_a_physical_sim_calls_no_smdp(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    before = len(es2_calls(stack))

    noor.launch(eid="", iccid=PHYSICAL)
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.pay_with()
    noor.submit()
    noor.sees("You're all set")
    payload = noor.finish()

    assert "activationCode" not in payload
    assert payload["iccid"] == PHYSICAL
    assert payload["purchaseResult"] == purchase_result("New", "New", "New", "Complete", "Day pass")
    assert len(es2_calls(stack)) == before
    assert [balance["type"] for balance in balances(stack, PHYSICAL)] == ["MODIRECTPAYG"]


def _walk_to_review(noor: Customer, *, plan: int) -> None:
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan(plan)
    noor.pay_with()
    noor.sees("Review your order")


def _walk_to_confirmation(noor: Customer) -> None:
    """Buy, and check that every page on the way has one main part and fits the screen."""
    noor.launch()
    noor.page.get_by_role("link", name=noor.words("I'm new"), exact=True).wait_for()
    _check_layout(noor.page)
    noor.sign_up()
    noor.sees("How would you like to get online?")
    _check_layout(noor.page)
    noor.choose()
    noor.sees("Choose a plan")
    _check_layout(noor.page)
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    _check_layout(noor.page)
    _check_amount(noor.page)
    noor.pay_with()
    noor.sees("Review your order")
    _check_layout(noor.page)
    _check_amount(noor.page)
    noor.submit()
    noor.sees("You're all set")
    _check_layout(noor.page)


def _check_layout(page: Page) -> None:
    assert page.locator("main").count() == 1
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= window


def _check_amount(page: Page) -> None:
    """Check that the amount and the button are wholly in the window."""
    before = page.viewport_size
    assert before is not None
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator(".chosen-amount")).to_be_in_viewport(ratio=1)
        expect(page.locator(".bar .button-primary")).to_be_in_viewport(ratio=1)
        _check_layout(page)
    page.set_viewport_size(before)


def _path(page: Page) -> str:
    path: str = page.evaluate("location.pathname")
    return path


def _seconds(duration: str) -> int:
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", duration)
    assert found is not None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
