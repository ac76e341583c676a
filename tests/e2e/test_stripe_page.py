"""Stripe in a browser, against its stand-in: the page after Submit, a kept card, and a refund."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PageAt
from tests.e2e.access import CHOSEN, start_at_payment
from tests.e2e.customer import GOOD_CARD, PATIENCE, REFUSED_CARD, Customer
from tests.e2e.shopper import order_number
from tests.e2e.staff import Staff
from tests.providers import books
from tests.speeds import sampled
from tests.stack import Stack

STEP_CARD, YES = "4000 0027 6000 3184", "Yes, it is mine"
IN_GB = {"market": "GB", "location": "GB"}
ORDER_BUTTON = "Order with obligation to pay"
# Of the world plan in GB, in pence.
PRICE = 3200
WINDOWS = [(800, 600), (360, 640)]

pytestmark = pytest.mark.parametrize("shop", ["postgresql"], indirect=True)


@pytest.fixture
def noor(shop: Stack, page_at: PageAt, width: int, height: int) -> Customer:
    """Return a customer in GB, at the payment page with the box to keep the card ticked."""
    customer = Customer(page_at(width, height), shop.base_url)
    start_at_payment(customer, launch=IN_GB)
    customer.page.get_by_label("Keep this card for later").check()
    customer.press("Next")
    return customer


def buy_with_kept_card(noor: Customer, answer: str) -> None:
    """Choose a plan again, pay with the card that is preselected, and answer the bank."""
    noor.launch(**IN_GB)
    noor.choose()
    noor.choose_plan(CHOSEN)
    noor.sees("How would you like to pay?")
    expect(noor.page.get_by_label("Visa ending in 3184")).to_be_checked()
    noor.press("Next")
    noor.submit(ORDER_BUTTON)
    noor.page.get_by_role("link", name="Go to your bank").click()
    noor.page.get_by_role("button", name=answer, exact=True).click()


def go_to_stripe(noor: Customer) -> None:
    """Submit the order, which has no card yet, and follow the link to Stripe's page."""
    noor.sees("Review your order")
    expect(noor.page.get_by_text("A card on our payment provider's page")).to_be_visible()
    noor.submit(ORDER_BUTTON)
    to_stripe = noor.page.get_by_role("link", name="Go to the payment page")
    expect(to_stripe).to_be_in_viewport(timeout=PATIENCE)
    expect(noor.page.locator(".guidance bdi")).to_be_in_viewport()
    to_stripe.click()
    noor.page.wait_for_url("**/c/pay/**")


def type_card(page: Page, number: str) -> None:
    """Fill in the stand-in's page. A refused card can be followed by another one."""
    page.locator("[autocomplete=cc-number]").fill(number)
    page.locator("[autocomplete=cc-exp]").fill("12/30")
    page.locator("[autocomplete=cc-csc]").fill("123")
    page.get_by_role("button", name="Pay", exact=True).click()


def is_paid(noor: Customer) -> str:
    """Wait until the order is complete, and return its number."""
    noor.sees("You're all set")
    return order_number(noor.page.evaluate("location.pathname"))


def payments(shop: Stack, number: str) -> list[tuple[str, int]]:
    """Return status and received amount of each payment of the order at Stripe."""
    return [
        (one["status"], one["amount_received"]) for one in found(shop, "payment_intent", number)
    ]


def refunded(shop: Stack, number: str) -> list[int]:
    """Return what has been refunded of each charge of the order."""
    return [one["amount_refunded"] for one in found(shop, "charge", number)]


def found(shop: Stack, kind: str, number: str) -> list[dict[str, Any]]:
    rows = books(shop.environment["STRIPE_URL"])[kind]
    return [one for one in rows if one["metadata"]["reference"] == number]


@pytest.mark.parametrize(("width", "height"), sampled(WINDOWS, in_short=WINDOWS[:1]))
def test_after_a_refused_card_another_one_pays_with_one_challenge_and_is_refunded(
    shop: Stack, page_at: PageAt, noor: Customer
) -> None:
    go_to_stripe(noor)
    type_card(noor.page, REFUSED_CARD)
    expect(noor.page.get_by_role("alert")).to_have_text("Your card was declined.")
    type_card(noor.page, STEP_CARD)
    noor.page.get_by_role("button", name=YES).click()
    number = is_paid(noor)
    assert payments(shop, number) == [("succeeded", PRICE)]

    staff = Staff(page_at(1280, 900), shop.base_url)
    staff.search("orders/order", number)
    staff.act("take_back", "bought twice by mistake")
    noor.page.reload()
    noor.sees("Your order was refunded")
    assert refunded(shop, number) == [PRICE]


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_a_kept_card_pays_again_and_another_one_if_the_customer_says_no_at_the_bank(
    shop: Stack, noor: Customer
) -> None:
    go_to_stripe(noor)
    type_card(noor.page, STEP_CARD)
    noor.page.get_by_role("button", name=YES).click()
    is_paid(noor)

    buy_with_kept_card(noor, YES)
    assert payments(shop, is_paid(noor)) == [("succeeded", PRICE)]

    buy_with_kept_card(noor, "No")
    noor.sees("Your payment was declined")
    refused = order_number(noor.page.evaluate("location.pathname"))
    assert payments(shop, refused) == [("requires_payment_method", 0)]
    noor.press("Try another card")
    noor.sees("How would you like to pay?")
    noor.page.get_by_text("Pay with a card on our payment provider's page").click()
    noor.press("Next")
    go_to_stripe(noor)
    type_card(noor.page, GOOD_CARD)
    assert payments(shop, is_paid(noor)) == [("succeeded", PRICE)]
