"""Cancel and withdraw in a browser in which nobody is signed in, from the foot of a page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.stack import Stack, on_sqlite

SMALL = pytest.param(360, 640, marks=pytest.mark.long)


@on_sqlite
@pytest.mark.parametrize(("width", "height"), [(800, 600), SMALL])
def test_a_customer_cancels_and_withdraws_without_sign_in(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url, language="de")
    noor.launch(market="DE", location="DE")
    noor.page.goto(f"{stack.base_url}/language/")
    noor.page.locator("button[value=de]").click()

    declare(noor, "Cancel contracts here", "Cancel now")
    noor.sees("We received your cancellation")
    with noor.page.expect_download() as kept:
        noor.page.get_by_role("link", name=noor.words("Save the receipt")).click()
    assert kept.value.suggested_filename.startswith("receipt-")

    declare(noor, "Withdraw from contract", "Confirm withdrawal")
    noor.sees("We received your withdrawal")
    fits(noor.page)


def declare(noor: Customer, link: str, button: str) -> None:
    noor.page.get_by_role("link", name=noor.words(link)).click()
    noor.sees(link)
    fits(noor.page)
    noor.page.locator("[name=name]").fill("Noor Haddad")
    noor.page.locator("[name=address]").fill(noor.identifier)
    noor.page.locator("[name=contract]").fill("abcde-12345")
    noor.press("Next")
    # A reload asks nothing and loses nothing.
    noor.page.reload()
    fits(noor.page)
    expect(noor.page.get_by_text("abcde-12345")).to_be_visible()
    noor.press(button)


def fits(page: Page) -> None:
    """Check that the page is no wider than its window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
