"""Pictures of the simulator's page and of the desk, which have one look each."""

from contextlib import closing

from playwright.sync_api import Browser, Page, expect

from simulators.mobileplans.samples import STAFF, STAFF_PASSWORD
from tests.e2e.customer import Customer
from tests.screens.photographer import DESK, SCREENS, take_whole_window
from tests.stack import Stack

SIMULATOR = (1280, 900)


def simulator(browser: Browser, stack: Stack) -> None:
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
        take_whole_window(page, "simulator")
        _phone(page)


def _phone(page: Page) -> None:
    """Take the customer's phone and mailbox with the confirmation of the order."""
    phone = page.locator("#phone")
    while not phone.locator(".message").count():
        phone.locator("#refresh-messages").click()
        page.wait_for_timeout(500)
    phone.screenshot(path=SCREENS / "simulator-phone.png", animations="disabled")


def orders(browser: Browser, stack: Stack) -> None:
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
            staff = office.new_page()
            staff.goto(f"{stack.base_url}/admin/orders/order/?q={number}")
            staff.fill("[name=username]", STAFF)
            staff.fill("[name=password]", STAFF_PASSWORD)
            staff.click("[type=submit]")
            staff.locator("#result_list").wait_for()
            take_whole_window(staff, "desk-orders")
            staff.locator("#result_list tbody th a").first.click()
            staff.get_by_text("downloadOrder").first.wait_for()
            take_whole_window(staff, "desk-order")
            staff.goto(f"{stack.base_url}/admin/payments/payment/?q={number}")
            _choose(staff, "refund_part")
            take_whole_window(staff, "desk-refund-part")
            staff.goto(f"{stack.base_url}/admin/orders/order/?q={number}")
            _choose(staff, "take_back")
            staff.fill("[name=because]", "Bought twice by mistake")
            take_whole_window(staff, "desk-refund")
            staff.click("[type=submit][value^=Yes]")
            staff.locator(".messagelist").wait_for()
        noor.page.goto(order)
        noor.sees("Your order was refunded")
        take_whole_window(noor.page, "order-taken-back")


def _choose(staff: Page, action: str) -> None:
    """Choose an action for the first row of the list."""
    staff.locator("#result_list [name=_selected_action]").first.check()
    staff.select_option("[name=action]", action)
    staff.locator("[name=index]").first.click()
