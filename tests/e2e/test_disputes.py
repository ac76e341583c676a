"""Disputes at the desk in a browser: due date, evidence, the answer, and how the bank decides."""

from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.outside import payments
from tests.e2e.shopper import Shopper
from tests.e2e.staff import Staff
from tests.payments.disputes import decide, post
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite

OUTCOMES = {
    "won": ("The amount has come back.", "dispute won"),
    "lost": ("The customer keeps the amount.", "dispute lost"),
}


@on_sqlite
@pytest.mark.parametrize("width", sampled([1280, 800], in_short=[1280]))
def test_staff_answer_two_disputes_and_the_bank_decides_one_for_each_side(
    stack: Stack, page_at: PageAt, width: int
) -> None:
    number = buy(stack)
    staff = Staff(page_at(width, 900), stack.base_url)

    for status, (meaning, entry) in OUTCOMES.items():
        dispute_id = dispute(stack, number)
        staff.search("payments/dispute", dispute_id)
        staff.act("answer", "the eSIM was downloaded")
        staff.open_first()
        expect(staff.page.locator(".field-due_at .readonly")).not_to_have_text("-")
        expect(staff.page.locator(".field-evidence_text")).to_contain_text("Accepted by submitting")
        staff.sees("The bank has the evidence and decides.")

        decide(stack.payment_url, dispute_id, status)

        staff.sees(meaning)
        staff.page.locator(".field-payment a").click()
        states = staff.page.locator("#disputes-group .field-state")
        expect(states.filter(has_text=status.title())).to_have_count(1)
        staff.search("orders/order", number)
        staff.open_first()
        expect(staff.page.locator(".field-timeline")).to_contain_text(entry)


def buy(stack: Stack) -> str:
    """Return the number of a complete order."""
    customer = Shopper(stack.base_url)
    with closing(customer.client):
        number = customer.order()
        customer.wait_for_end()
    return number


def dispute(stack: Stack, number: str) -> str:
    """Let the customer's bank dispute the charge, and return the dispute's id."""
    (payment,) = payments(stack, number)
    return str(post(stack.payment_url, f"/payments/{payment['id']}/dispute")["id"])
