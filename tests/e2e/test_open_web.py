"""The open web: an ordinary browser names its device and installs the eSIM without the app."""

import io
import json
import re
from urllib.parse import urlsplit

import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import EID, Customer
from tests.e2e.outside import download, payments
from tests.e2e.shopper import order_number
from tests.stack import Stack, on_postgresql, on_sqlite

PHONE = (360, 640)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Edg/120.0"
GROUPED = "8904 9032 1234 5123 4512 3456 7890 1235"


def scan_qr_code(page: Page) -> str:
    """Read the QR code from the screen, as a phone's camera does."""
    picture = Image.open(io.BytesIO(page.locator(".install-qr").screenshot()))
    (found,) = zxingcpp.read_barcodes(picture)
    text: str = found.text
    return text


def walk_to_confirmation(noor: Customer) -> str:
    """Buy after a launch that names no device. Return the order's number."""
    noor.launch(eid="", imei="")
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("Which device will use the eSIM?")
    noor.page.locator("[name=eid]").fill(GROUPED)
    noor.press("Next")
    noor.pay_with()
    noor.sees("Review your order")
    noor.submit()
    noor.sees("You're all set")
    return order_number(urlsplit(noor.page.url).path)


def test_a_phone_buys_and_scans_the_code_of_its_order(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(*PHONE), stack.base_url, host=False)
    number = walk_to_confirmation(noor)

    noor.press("Continue")
    noor.sees("Your plan is ready")

    code = noor.page.locator("#activation-code").inner_text()
    assert code == stored_code(stack, number)
    assert scan_qr_code(noor.page) == f"LPA:{code}"
    width, window = noor.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]
    assert download(stack, code, EID)["result"] == "success"


def stored_code(stack: Stack, number: str) -> str:
    """Return the activation code that the portal stores for this order."""
    return stack.manage(
        "from orders.models import Order;"
        f"print(Order.objects.get(number={number!r}).profile.activation_code)"
    ).strip()


@on_postgresql
def test_the_account_shows_the_code_until_a_device_confirms_the_download(
    stack: Stack, page_at: PageAt
) -> None:
    noor = Customer(page_at(*PHONE), stack.base_url, host=False)
    number = walk_to_confirmation(noor)
    noor.press("Continue")
    noor.sees("Your plan is ready")
    code = noor.page.locator("#activation-code").inner_text()

    noor.page.goto(f"{stack.base_url}/account/")
    noor.sign_in(noor.identifier, noor.password)
    noor.page.get_by_role("link", name="Install it").click()
    noor.sees("Install your eSIM")
    assert scan_qr_code(noor.page) == f"LPA:{code}"

    download(stack, code, EID)
    # The SM-DP+'s notification arrives a moment after the download.
    for _ in range(50):
        noor.page.reload()
        if noor.page.locator("#activation-code").count() == 0:
            break
        noor.page.wait_for_timeout(100)
    noor.sees("The eSIM is on your device")
    assert urlsplit(noor.page.url).path == f"/orders/{number}/install/"
    noor.page.goto(f"{stack.base_url}/account/")
    expect(noor.page.get_by_role("link", name="Install it")).to_have_count(0)


@on_sqlite
def test_a_button_copies_the_code(stack: Stack, browser: Browser) -> None:
    context = browser.new_context(user_agent=IPHONE, viewport={"width": 360, "height": 640})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    noor = Customer(context.new_page(), stack.base_url, host=False)
    walk_to_confirmation(noor)
    noor.press("Continue")
    noor.sees("Your plan is ready")

    noor.press("Copy")
    expect(noor.page.get_by_role("button", name="Copied")).to_be_visible()

    code = noor.page.locator("#activation-code").inner_text()
    assert noor.page.evaluate("navigator.clipboard.readText()") == code
    link = noor.page.locator("#install-here")
    apple = "https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA:"
    assert link.get_attribute("href") == f"{apple}{code}"
    context.close()


@on_postgresql
def test_windows_sends_the_eid_through_another_browser(
    stack: Stack, browser: Browser, shopper_at: ShopperAt
) -> None:
    context = browser.new_context(user_agent=EDGE)
    noor = Customer(context.new_page(), stack.base_url, host=False)
    noor.launch(eid="", imei="")
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    link = noor.page.locator("#share").get_attribute("href") or ""
    assert link.startswith("ms-settings:cellular-id?callbackUrl=")
    callback = urlsplit(link.partition("callbackUrl=")[2])
    filled = f"{callback.path}?{callback.query}".replace("{eid}", EID).replace("{imei}", "")

    elsewhere = shopper_at(stack.base_url)
    assert elsewhere.open(filled).address == "/device/told/thanks/"
    assert elsewhere.open(filled).address == "/device/told/stale/"

    noor.page.reload()
    noor.press("Next")
    noor.pay_with()
    noor.sees("Review your order")
    assert EID[-4:] in noor.page.locator(".summary").inner_text()
    context.close()


@on_postgresql
def test_a_second_plan_goes_on_the_installed_profile(stack: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(stack.base_url)
    alice.order()
    alice.wait_for_end()
    first = alice.finish()
    download(stack, first["activationCode"], EID)

    alice.launch(iccids=f"{first['iccid']}F, 8944110000000000032, junk")
    alice.sign_in()
    alice.choose_plan()
    alice.send("pay-with")
    assert re.search(rf"ending in {first['iccid'][-4:]}", alice.page.text)
    alice.send("submit-order")
    alice.wait_for_end()
    second = alice.finish()

    assert second["iccid"] == first["iccid"]
    assert "activationCode" not in second
    assert second["purchaseResult"]["line"] == "Existing"
    newer = json.loads(block(alice.page.text, "outcome"))
    assert newer["result"] == "profile"


def block(text: str, name: str) -> str:
    found = re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return found[1]
