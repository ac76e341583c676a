"""Cancel and withdraw in a browser, from the foot of a page, and what staff then pay back."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.e2e.shopper import order_number
from tests.e2e.staff import Staff
from tests.stack import Stack, on_sqlite

TYPED = "abcde-12345"
USE_HALF = """
from django.db.models import F
from subscriptions.models import Bucket
sold = Bucket.objects.filter(period__subscription__reference={number!r})
sold.update(used_bytes=F("total_bytes") / 2)
"""
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

    declare(noor, "Cancel contracts here", "Cancel now", TYPED)
    noor.sees("We received your cancellation")
    with noor.page.expect_download() as kept:
        noor.page.get_by_role("link", name=noor.words("Save the receipt")).click()
    assert kept.value.suggested_filename.startswith("receipt-")

    declare(noor, "Withdraw from contract", "Confirm withdrawal", TYPED)
    noor.sees("We received your withdrawal")
    fits(noor.page)


@on_sqlite
@pytest.mark.parametrize(
    ("wishes", "paid_back"),
    [(True, "€8.50"), pytest.param(False, "€17.00", marks=pytest.mark.long)],
)
def test_only_after_the_wish_to_start_now_is_half_the_data_kept_back(
    stack: Stack, page_at: PageAt, paid_back: str, *, wishes: bool
) -> None:
    noor = Customer(page_at(800, 600), stack.base_url)
    number = buy_in_germany(noor, wishes=wishes)
    stack.manage(USE_HALF.format(number=number))
    declare(noor, "Withdraw from contract", "Confirm withdrawal", number)
    noor.sees("We received your withdrawal")

    staff = Staff(page_at(1280, 900), stack.base_url)
    staff.search("orders/declaration", number)
    staff.open_first()
    staff.sees("The eSIM or the data may be in use")
    staff.page.get_by_role("link", name="Decide this case").click()
    expect(staff.page.get_by_role("row", name="Proposed refund")).to_contain_text(paid_back)
    staff.page.get_by_role("button", name="End the plan and pay back").click()
    expect(staff.page.locator(".messagelist")).to_contain_text("the sum paid back")

    noor.page.goto(f"{stack.base_url}/orders/{number}/")
    noor.sees("Your order was refunded")
    expect(noor.page.get_by_text(f"{paid_back} to Visa ending in 4242.")).to_be_visible()


def buy_in_germany(noor: Customer, *, wishes: bool) -> str:
    """Buy the plan of 5 GB, with a tick at the wish to start now or without; return its number."""
    noor.launch(market="DE", location="DE")
    noor.sign_up()
    noor.choose()
    noor.choose_plan(1)
    noor.pay_with()
    box = noor.page.get_by_role("checkbox", name="Start now")
    expect(box).not_to_be_checked()
    box.set_checked(wishes)
    fits(noor.page)
    noor.press("Order with obligation to pay")
    noor.sees("You're all set")
    expect(noor.page.get_by_text("Your request")).to_have_count(int(wishes))
    return order_number(noor.page.url.removeprefix(noor.base_url))


def declare(noor: Customer, link: str, button: str, contract: str) -> None:
    noor.page.get_by_role("link", name=noor.words(link)).click()
    noor.sees(link)
    fits(noor.page)
    noor.page.locator("[name=name]").fill("Noor Haddad")
    noor.page.locator("[name=address]").fill(noor.identifier)
    noor.page.locator("[name=contract]").fill(contract)
    noor.press("Next")
    # A reload asks nothing and loses nothing.
    noor.page.reload()
    fits(noor.page)
    expect(noor.page.get_by_text(contract)).to_be_visible()
    noor.press(button)


def fits(page: Page) -> None:
    """Check that the page is no wider than its window."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
