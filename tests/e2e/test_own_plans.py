"""A customer in charge of a monthly plan, in a browser: cancel, undo, and pay what is overdue."""

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at
from tests.e2e.customer import Customer
from tests.e2e.test_bank_step import STEP_CARD
from tests.speeds import long, sampled
from tests.stack import Stack, on_sqlite

# Refused when the customer is away.
NO_MONEY = "4000000000000341"
SOLD = """
import secrets
from django.utils.timezone import now
from accounts.models import User
from esim.models import Sim
from moportal.identifiers import Iccid
from payments.domain import mandates, payments
from payments.gateways.values import Card
from plans.models import Category, Plan
from subscriptions.domain import activation, lifecycle
from subscriptions.models import Period
from tests.builders import PREFIX
account = User.objects.get(username={identifier!r})
cards = [Card(number, 12, now().year + 4, "123", "Noor") for number in {numbers!r}]
method, *_others = [payments.add_card(account, card) for card in cards]
plan = Plan.objects.filter(category=Category.RECURRING).order_by("pk")[0]
price = plan.prices.filter(market="US").order_by("pk")[0].taxed
sold = Period(
    plan_name="Monthly", currency=price.gross.currency, tax_rate=0,
    gross_minor_units=price.gross.minor_units, tax_minor_units=price.tax.minor_units,
)
iccid = Iccid.numbered(PREFIX, secrets.randbelow(10**6))
sim = Sim.objects.create(iccid=iccid, kind=Sim.Kind.PHYSICAL)
subscription = lifecycle.prepare(
    account, sim=sim, plan=plan, plan_name="Monthly", reference={reference!r}, sold=sold
)
activation.activate(subscription, sim, before_call=lambda: None)
mandate = mandates.agree(method, purpose={reference!r}, text="I agree.", language="en")
lifecycle.start(subscription, at=now(), mandate=mandate)
"""
LATER = """
from demo import aging
from subscriptions.models import Subscription
aging.age(Subscription.objects.get(reference={reference!r}), months={months}, days={days})
"""


def sell(stack: Stack, noor: Customer, *numbers: str) -> str:
    """Give the customer a monthly plan that these cards pay, and return the plan's address."""
    noor.launch()
    noor.sign_up()
    reference = noor.identifier.partition("@")[0]
    stack.manage(SOLD.format(identifier=noor.identifier, numbers=numbers, reference=reference))
    return f"/account/plans/{reference}/"


def let_time_pass(stack: Stack, plan: str, *, months: int = 0, days: int = 0) -> None:
    reference = plan.split("/")[-2]
    stack.manage(LATER.format(reference=reference, months=months, days=days))


def sees(noor: Customer, text: str) -> None:
    expect(noor.page.get_by_text(text).first).to_be_visible()


def reload_until(noor: Customer, text: str, *, role: Literal["heading"] | None = None) -> None:
    """Reload the page until an element has this text (and role): a worker has done its part."""
    page = noor.page
    awaited = page.get_by_role(role, name=text) if role else page.get_by_text(text)
    for _ in range(60):
        page.reload()
        if awaited.count():
            return
        page.wait_for_timeout(500)
    expect(awaited.first).to_be_visible()


@on_sqlite
@pytest.mark.parametrize("look", sampled([DESK, PLAIN_PHONE], in_short=[DESK]), ids=str)
def test_a_customer_cancels_a_plan_and_undoes_that(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    plan = sell(stack, noor, "4242424242424242")
    noor.page.goto(f"{stack.base_url}/account/")
    sees(noor, "Renews on")
    noor.page.get_by_role("link", name="About your plan Monthly").click()
    noor.sees("Monthly")

    noor.page.get_by_role("link", name="Cancel this plan").click()
    noor.sees("Cancel this plan?")
    noor.press("Cancel this plan")
    noor.sees("Monthly")
    sees(noor, "nothing more is charged")
    noor.page.goto(f"{stack.base_url}/account/")
    sees(noor, "Cancelled: ends on")

    noor.page.goto(f"{stack.base_url}{plan}")
    noor.page.locator(".bar .button-primary").click()
    noor.sees("Undo the cancellation?")
    noor.press("Undo the cancellation")
    sees(noor, "The cancellation is undone.")
    sees(noor, "Renews on")


@on_sqlite
@pytest.mark.parametrize(
    ("days", "before", "said", "look"),
    [
        (0, "Payment overdue", "for the month that has begun", DESK),
        long(8, "On hold since", "a new month begins today", PLAIN_PHONE),
    ],
)
def test_a_customer_pays_a_refused_month_with_a_new_card_whose_bank_asks(  # noqa: PLR0917 -- parameters of the test
    stack: Stack, page_at: PageAt, days: int, before: str, said: str, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    plan = sell(stack, noor, NO_MONEY)
    let_time_pass(stack, plan, months=1)
    noor.page.goto(f"{stack.base_url}{plan}")
    reload_until(noor, "Payment overdue")
    if days:
        let_time_pass(stack, plan, days=days)
        reload_until(noor, before)

    noor.page.locator(".bar .button-primary").click()
    noor.sees("Choose how to pay")
    noor.page.get_by_role("link", name="Use a new card").click()
    noor.sees("Add a card")
    noor.type_card(STEP_CARD)
    noor.press("Save the card")
    noor.sees("Confirm the payment")
    sees(noor, said)
    noor.page.get_by_role("checkbox").check()
    noor.page.locator(".bar .button-primary").click()
    noor.sees("Monthly")
    # The page goes on by itself, with and without script.
    noor.page.get_by_role("link", name="Go to your bank").click()
    noor.page.get_by_role("button", name="Yes, it is mine").click()
    noor.sees("Monthly")
    paid = noor.page.get_by_text("Your payment went through.").first
    expect(paid).to_be_visible(timeout=30_000)
    sees(noor, "Renews on")
