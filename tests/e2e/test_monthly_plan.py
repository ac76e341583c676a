"""Buying a monthly plan in a browser: the box for the monthly charge is forgotten, then ticked."""

import json

import pytest
from playwright.sync_api import expect

from subscriptions.domain import bounds
from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.e2e.shopper import order_number
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite

WALKS = [(800, 600), (360, 640)]
CONSENT = (
    "I agree that Kestrel Mobile charges $25.00 to Visa ending in 4242 every month until I cancel."
)
STOP = "You can cancel at any time in your account. The plan then ends with the paid month."
SOLD = """
import json
from subscriptions.models import Subscription
sold = Subscription.objects.get(reference={number!r})
mandate = sold.mandate
early = sold.periods.get().ends_at - sold.due_at
print(json.dumps([mandate.purpose, mandate.text, str(mandate.limit), early.total_seconds()]))
"""
# In seconds: the customer is told before the next period is charged.
TOLD_BEFORE = bounds.TOLD_BEFORE.total_seconds()


@on_sqlite
@pytest.mark.parametrize(("width", "height"), sampled(WALKS, in_short=WALKS[:1]))
def test_a_customer_buys_a_monthly_plan_and_agrees_to_the_monthly_charge(
    stack: Stack, page_at: PageAt, width: int, height: int
) -> None:
    noor = Customer(page_at(width, height), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose("Monthly plans")
    expect(noor.page.get_by_text(STOP).first).to_be_visible()
    noor.choose_plan()
    noor.pay_with()

    noor.sees("Review your order")
    box = noor.page.get_by_role("checkbox", name=CONSENT)
    expect(box).not_to_be_checked()
    noor.submit()
    expect(noor.page.locator("#id_consent_error")).to_be_visible()
    noor.sees("Review your order")
    box.check()
    noor.submit()
    noor.sees("You're all set")
    expect(noor.page.get_by_text(STOP)).to_be_visible()

    number = order_number(noor.page.url.removeprefix(noor.base_url))
    assert json.loads(stack.manage(SOLD.format(number=number))) == [
        number,
        CONSENT,
        "$25.00",
        TOLD_BEFORE,
    ]
