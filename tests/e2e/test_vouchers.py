"""Paying with a voucher in a browser: the way to pay of a customer who has no card."""

from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at, in_looks
from tests.e2e.shopper import order_number
from tests.payments.vouchers import issue
from tests.providers import books
from tests.stack import Stack, on_sqlite

UNKNOWN = "KESTREL00UNKNOWN"
MORE_THAN_ANY_PRICE = 1_000_000


@on_sqlite
@in_looks(DESK, PLAIN_PHONE)
def test_a_customer_without_a_card_pays_with_a_voucher_after_a_refused_code(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    code = issue(stack.voucher_url, amount=MORE_THAN_ANY_PRICE)
    noor = customer_at(stack, page_at, look)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    expect(noor.view.get_by_label("Voucher code")).to_be_hidden()

    noor.pay_with_voucher("KESTREL")
    expect(noor.view.locator("#id_voucher_error")).to_be_visible()
    expect(noor.view.get_by_label("Voucher code")).to_have_value("")

    noor.pay_with_voucher(UNKNOWN)
    noor.submit()
    noor.sees("Your payment was declined")
    expect(noor.page.get_by_text("We don't know this voucher code.")).to_be_visible()

    noor.press("Choose how to pay")
    noor.pay_with_voucher(code.lower())
    noor.sees("Review your order")
    expect(noor.page.get_by_text(f"Voucher ending in {code[-4:]}")).to_be_visible()
    noor.submit()
    noor.sees("You're all set")

    number = order_number(noor.page.url.removeprefix(noor.base_url))
    assert redeemed(stack, number) == [code]


def redeemed(stack: Stack, number: str) -> list[str]:
    """Return the codes of the vouchers that have paid for the order."""
    reservations = books(stack.voucher_url)["reservations"]
    return [
        one["code"]
        for one in reservations
        if (one["reference"], one["status"]) == (number, "redeemed")
    ]
