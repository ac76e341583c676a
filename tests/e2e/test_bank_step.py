"""A step at the bank: the customer goes there and returns by GET, or never returns."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import WINDOW, PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import PATIENCE, Customer
from tests.e2e.outside import payments
from tests.e2e.payload import purchase_result
from tests.e2e.shopper import order_number
from tests.stack import Stack

STEP_CARD = "4000 0027 6000 3184"


@pytest.mark.parametrize(
    ("answer", "heading", "charged"),
    [
        ("Yes, it is mine", "You're all set", "captured"),
        ("No", "Your payment was declined", "declined"),
    ],
)
def test_the_customer_goes_to_the_bank_and_comes_back(
    stack: Stack, page_at: PageAt, answer: str, heading: str, charged: str
) -> None:
    noor = Customer(page_at(360, 640), stack.base_url)
    noor.buy(STEP_CARD)
    number = order_number(noor.page.evaluate("location.pathname"))
    # What is paid, and the way to the bank, are in view in the smallest window and in the app's.
    to_bank = noor.page.get_by_role("link", name="Go to your bank")
    for width, height in (WINDOW, (360, 640)):
        noor.page.set_viewport_size({"width": width, "height": height})
        expect(noor.page.locator(".guidance bdi")).to_be_in_viewport()
        expect(to_bank).to_be_in_viewport(timeout=PATIENCE)
    assert "This page waits for you" in noor.page.locator(".guidance").inner_text()

    _goes_through_a_tunnel(noor)
    noor.page.get_by_role("link", name="Go to your bank").click()
    noor.page.get_by_role("button", name=answer).click()
    noor.sees(heading)

    assert order_number(noor.page.evaluate("location.pathname")) == number
    assert [payment["status"] for payment in payments(stack, number)] == [charged]


def _goes_through_a_tunnel(noor: Customer) -> None:
    """Lose the connection for a moment. The page says so, and goes on by itself."""
    away = noor.page.locator("#away")
    expect(away).to_be_hidden()

    noor.page.context.set_offline(True)
    expect(away).to_be_visible()
    expect(noor.page.locator("#news")).to_have_text(away.inner_text())

    noor.page.context.set_offline(False)
    expect(away).to_be_hidden()
    expect(noor.page.locator("#news")).to_have_text("")


def test_if_the_customer_never_returns_the_webhook_completes_the_order(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    number = alice.order(STEP_CARD)
    bank = alice.wait_for_link("/challenge/")

    httpx.post(bank, data={"decision": "approve"}, trust_env=False)
    alice.wait_for_end()

    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]
    assert alice.finish()["purchaseResult"] == purchase_result(
        "New", "New", "New", "Complete", "Day pass"
    )
    events = stack.manage(
        "from payments.models import WebhookEvent;"
        f"print(WebhookEvent.objects.filter(reference={number!r}).count())"
    )
    assert int(events) >= 2
