"""Walks to the pages on which a customer adds a line that the operator has already."""

from playwright.sync_api import expect

from tests.e2e.access import type_code
from tests.e2e.customer import Customer
from tests.e2e.lines import open_line
from tests.e2e.outside import fault
from tests.screens.photographer import Photographer

NEW_SIM = "+12025550191"


def link_lines(noor: Customer, photographer: Photographer) -> None:
    """Add a line by its bill's code and one to its number, and come to each page of an error."""
    stack = photographer.stack
    line = open_line(stack)
    noor.launch()
    noor.sign_up()
    _open(noor)
    photographer.take("link-line")
    noor.press("Next")
    expect(noor.page.locator("#errors")).to_be_visible()
    photographer.take("link-line-errors")

    _send(noor, bill_code=line.bill_code)
    noor.sees("We found your line")
    photographer.take("link-found")
    noor.press("Send the code")
    noor.page.locator("[name=code]").wait_for()
    photographer.take("link-code")
    with fault(stack.customer_url, "find", "http_500"):
        type_code(noor, stack, line.number)
        noor.page.locator(".notice").wait_for()
        photographer.take("link-waiting")
    noor.sees("Your account")
    noor.page.locator(".cards-row", has_text=line.number).scroll_into_view_if_needed()
    photographer.take("account-linked")

    _send(noor, number=NEW_SIM)
    noor.sees("No code was sent")
    photographer.take("link-no-code")
    _send(noor, bill_code="none")
    noor.sees("The line wasn't added")
    photographer.take("link-refused")


def _open(noor: Customer) -> None:
    noor.page.goto(f"{noor.base_url}/account/lines/link/")
    noor.sees("Add a line you already have")


def _send(noor: Customer, *, number: str = "", bill_code: str = "") -> None:
    _open(noor)
    noor.page.locator("[name=phone]").fill(number)
    noor.page.locator("[name=bill_code]").fill(bill_code)
    noor.press("Next")
