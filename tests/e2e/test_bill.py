"""Paying on the operator's bill in a browser: over the limit, then with a code."""

import httpx
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at, in_looks
from tests.e2e.customer import Customer
from tests.e2e.shopper import order_number
from tests.payments import bills
from tests.stack import Stack, on_sqlite

HOLDS = """
from accounts.domain import proofs
from accounts.models import User
from accounts.states import ProofKind
account = User.objects.get(username={identifier!r})
for number in {numbers!r}:
    proofs.record(account, ProofKind.IDENTITY, number)
"""


@on_sqlite
@in_looks(DESK, PLAIN_PHONE)
def test_a_customer_over_one_numbers_limit_pays_on_another_bill_with_a_code(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    over, with_code = bills.new_number(bills.OVER_LIMIT), bills.new_number(bills.WITH_CODE)
    noor = customer_at(stack, page_at, look)
    noor.launch()
    noor.sign_up()
    stack.manage(HOLDS.format(identifier=noor.identifier, numbers=[over, with_code]))
    noor.choose()
    noor.choose_plan()

    pay_on_bill(noor, bills.OVER_LIMIT)
    noor.submit()
    noor.sees("Your payment was declined")
    expect(noor.page.get_by_text("over the limit that is set for your bill")).to_be_visible()

    noor.press("Choose how to pay")
    pay_on_bill(noor, bills.WITH_CODE)
    noor.submit()
    noor.sees("Enter the code we sent you")
    (payment,) = bills.bill(stack.billing_url, with_code)
    type_code(noor, bills.sent_code(stack.billing_url, payment["id"], is_right=False))
    expect(noor.page.get_by_text("That's not the code we sent.")).to_be_visible()
    type_code(noor, payment["code"])
    noor.sees("You're all set")

    number = order_number(noor.page.url.removeprefix(noor.base_url))
    (paid,) = bills.bill(stack.billing_url, with_code)
    assert (paid["reference"], paid["status"], paid["wrong"]) == (number, "succeeded", 1)
    assert with_code in httpx.get(stack.billing_url, trust_env=False).text


def type_code(customer: Customer, code: str) -> None:
    customer.sees("Enter the code we sent you")
    customer.view.get_by_label("Code", exact=True).fill(code)
    customer.press("Next")


def pay_on_bill(customer: Customer, ending: str) -> None:
    """Choose the bill of the number with this ending."""
    customer.sees("How would you like to pay?")
    customer.page.get_by_text(f"bill for the number ending in {ending}").click()
    customer.press("Next")
    customer.sees("Review your order")
