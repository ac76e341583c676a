"""A monthly plan in a browser: changed for a cheaper and a dearer one, and topped up at zero."""

import pytest

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at
from tests.e2e.customer import Customer
from tests.e2e.outside import balances
from tests.e2e.test_own_plans import let_time_pass, reload_until, sees, sell
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite

# Two other monthly plans beside the one that is sold.
OTHERS = """
from plans.models import Category, Plan, PlanCountry, PlanPrice, PlanText
for code, name, price in (("monthly-2", "Monthly 2", 500), ("monthly-50", "Monthly 50", 9000)):
    plan, _is_new = Plan.objects.get_or_create(
        code=code, category=Category.RECURRING, data_bytes=2 * 10**9, validity_days=30
    )
    PlanPrice.objects.get_or_create(
        plan=plan, market="US", minor_units=price, currency="USD", tax_rate=0
    )
    PlanCountry.objects.get_or_create(plan=plan, country="US")
    PlanText.objects.get_or_create(plan=plan, language="en", name=name)
"""
AGAIN = """
from plans.models import Plan
Plan.objects.filter(code__in=["monthly-2", "monthly-50"]).update(is_on_sale={is_on_sale})
"""
USE_UP = """
from django.db.models import F
from subscriptions.models import Bucket
Bucket.objects.filter(period__subscription__reference={reference!r}).update(
    used_bytes=F("total_bytes")
)
"""


@on_sqlite
@pytest.mark.parametrize("look", sampled([DESK, PLAIN_PHONE], in_short=[DESK]), ids=str)
def test_a_customer_changes_a_plan_for_others_and_adds_data(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    plan = sell(stack, noor, "4242424242424242")
    stack.manage(OTHERS + AGAIN.format(is_on_sale=True))
    try:
        choose_cheaper(noor, plan)
        undo(noor)
        choose_cheaper(noor, plan)
        let_time_pass(stack, plan, months=1)
        # Before a worker has begun the month, the page has the old plan's name.
        reload_until(noor, "Monthly 2", role="heading")

        choose_dearer(noor, plan)
    finally:
        # The other walks sell the first monthly plan alone.
        stack.manage(AGAIN.format(is_on_sale=False))
    add_data_at_zero(stack, noor, plan)
    if look.script:
        # A script tells the host.
        result = noor.finish()
        assert (result["success"], "activationCode" in result) == (True, False)
        assert any(one["type"] != "NONE" for one in balances(stack, result["iccid"]))


def choose_plan(noor: Customer, plan: str, name: str) -> None:
    noor.page.goto(f"{noor.base_url}{plan}")
    noor.page.get_by_role("link", name="Change the plan").click()
    noor.sees("Change your plan")
    noor.page.locator(".plan", has_text=name).get_by_role("radio").check(force=True)
    noor.press("Next")


def choose_cheaper(noor: Customer, plan: str) -> None:
    choose_plan(noor, plan, "Monthly 2")
    noor.sees("Confirm your new plan")
    sees(noor, "Until then nothing changes and nothing is due.")
    noor.page.get_by_role("checkbox").check()
    noor.press("Change the plan")
    noor.sees("Monthly")
    sees(noor, "Changes to Monthly 2 on")


def undo(noor: Customer) -> None:
    noor.page.get_by_role("link", name="Undo the change").click()
    noor.sees("Undo the change?")
    noor.press("Undo the change")
    sees(noor, "You keep Monthly.")
    sees(noor, "Renews on")


def choose_dearer(noor: Customer, plan: str) -> None:
    choose_plan(noor, plan, "Monthly 50")
    noor.sees("Review your order")
    sees(noor, "for the unused part of")
    noor.page.get_by_role("checkbox").first.check()
    noor.submit()
    noor.sees("You're all set")
    noor.page.goto(f"{noor.base_url}{plan}")
    noor.sees("Monthly 50")


def add_data_at_zero(stack: Stack, noor: Customer, plan: str) -> None:
    stack.manage(USE_UP.format(reference=plan.split("/")[-2]))
    noor.page.goto(f"{noor.base_url}{plan}")
    noor.page.get_by_role("link", name="Add data").click()
    noor.sees("Add data")
    noor.choose_plan()
    noor.page.get_by_text("ending in 4242").click()
    noor.press("Next")
    noor.sees("Review your order")
    sees(noor, "The data is added to this line")
    noor.submit()
    noor.sees("You're all set")
