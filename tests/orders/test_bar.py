"""The bar: from the chosen plan on, every page shows what is ordered and what it costs."""

import re

import pytest
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import User
from orders.models import Draft
from orders.states import OrderKind
from orders.views.steps import chosen_context
from plans.models import Category, Plan
from tests.builders import GB, make_draft, make_plan
from tests.orders.journey import ready, sent


def bar(client: Client, path: str) -> str:
    """Return the words of the bar about the order, or an empty text."""
    found = re.search(
        r'<p class="chosen">(.*?)</p>\s*<button class="button button-primary"',
        client.get(path).text,
        re.DOTALL,
    )
    return " ".join(strip_tags(found[1]).split()) if found else ""


@pytest.mark.parametrize("path", ["/payment/", "/review/"])
def test_the_plan_and_the_amount_are_directly_before_the_button(
    shopping: Client, alice: User, path: str
) -> None:
    ready(alice)

    assert bar(shopping, path) == "Traveller · 5 GB · 30 days Total: $19.00"


def test_the_device_page_has_them_too(as_alice: Client, alice: User) -> None:
    as_alice.get("/?market=US")
    plan = make_plan(data_bytes=None, validity_days=1)
    as_alice.get("/plans/")
    draft = Draft.objects.get(account=alice)

    assert not bar(as_alice, "/device/")
    as_alice.post("/plans/", sent(draft, plan=plan.pk))

    assert bar(as_alice, "/device/") == "Traveller · Unlimited data · 24 hours Total: $19.00"


def test_a_monthly_plan_has_its_price_a_month(shopping: Client, alice: User) -> None:
    visit = ready(alice).visit
    make_draft(alice, visit=visit, plan=make_plan(code="monthly", category=Category.RECURRING))

    assert bar(shopping, "/review/") == "Monthly · 5 GB Total: $19.00 a month"


@pytest.mark.parametrize(
    ("kind", "amount"),
    [(OrderKind.CHANGE, "$12.00"), (OrderKind.ATTACH, "$12.00"), (OrderKind.MOVE, "None")],
)
def test_what_is_due_once_is_not_called_a_months_price(kind: OrderKind, amount: str) -> None:
    plan = Plan(category=Category.RECURRING, data_bytes=5 * GB, validity_days=30)
    draft = Draft(kind=kind, plan=plan, plan_name="Traveller", currency="USD")
    draft.gross_minor_units, draft.tax_minor_units = 1200, 99
    draft.monthly_minor_units = 1900 if kind == OrderKind.CHANGE else None

    chosen = chosen_context(draft)["chosen"]

    assert (str(chosen["amount"]), chosen["is_monthly"]) == (amount, False)
