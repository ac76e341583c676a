"""The first page of somebody who was never here: where plans work, and from which price."""

import html
import re

import pytest
from django.test import Client
from django.utils.html import strip_tags
from pytest_django.fixtures import Settings

from plans.models import Identity, PlanPrice
from tests.builders import make_operator, make_plan

pytestmark = pytest.mark.django_db
HERE, NO_PRICE = "Get online in the United States", "Create your account"


def arrive(browser: Client, *, market: str = "US", location: str = "US", page: str = "") -> str:
    """Launch, and return the heading of the page to sign up and its guidance."""
    browser.get(f"/?market={market}&location={location}")
    text = browser.get(page or "/sign-up/").text
    found = re.search(r"<h1[^>]*>(.*?)</h1>(.*?)</p>", text, re.DOTALL)
    return html.unescape(" ".join(strip_tags(" ".join(found.groups())).split())) if found else ""


def test_it_names_the_place_and_the_least_price_with_tax(client: Client) -> None:
    make_plan(code="dear", minor_units=1900)
    make_plan(code="cheap", minor_units=400)
    make_plan(code="elsewhere", minor_units=100, countries=("CA",))

    assert arrive(client) == f"{HERE} Plans from $4.00. Pay by card, no contract."


def test_it_promises_no_contract_only_where_nobody_has_one(client: Client) -> None:
    make_plan(market="GB", currency="GBP", countries=("GB",))
    make_plan(code="monthly", category="recurring", minor_units=900)

    with_withdrawal = arrive(client, market="GB", location="GB")
    that_renews = arrive(client)

    assert with_withdrawal == "Get online in the United Kingdom Plans from £19.00. Pay by card."
    assert that_renews == f"{HERE} Plans from $9.00. Pay by card."


def test_it_says_nothing_of_cards_where_no_gateway_takes_them(
    client: Client, settings: Settings
) -> None:
    settings.PAYMENT_GATEWAY = ["payments.gateways.vouchers.VoucherServer"]
    make_plan()
    make_plan(code="monthly", category="recurring", minor_units=900)

    assert arrive(client) == f"{HERE} Plans from $19.00."


@pytest.mark.parametrize("plans", ["none", "not here", "in two currencies", "for the identified"])
def test_without_a_price_it_only_asks_for_an_account(client: Client, plans: str) -> None:
    if plans != "none":
        make_plan()
    if plans == "in two currencies":
        make_plan(code="other", currency="EUR")
    if plans == "for the identified":
        PlanPrice.objects.update(identity=Identity.BEFORE_ACTIVATION)

    assert arrive(client, location="BR" if plans == "not here" else "US").startswith(NO_PRICE)


def test_on_the_way_to_a_page_it_only_asks_for_an_account(client: Client) -> None:
    make_plan()

    assert arrive(client, page="/sign-up/?next=/account/").startswith(NO_PRICE)


def test_without_a_launch_it_only_asks_for_an_account(client: Client) -> None:
    make_operator()
    make_plan()

    assert NO_PRICE in client.get("/sign-up/").text


def test_another_language_needs_no_article(client: Client) -> None:
    make_plan()
    client.get("/?market=US&location=US")

    assert (
        "Mobiles Internet: Vereinigte Staaten"
        in client.get("/sign-up/", headers={"accept-language": "de"}).text
    )


@pytest.mark.parametrize(
    ("page", "is_open"), [("/sign-in/", "I have an account"), ("/sign-up/", "I'm new")]
)
def test_each_way_in_leads_to_the_other_and_keeps_the_way_on(
    client: Client, page: str, is_open: str
) -> None:
    text = client.get(f"{page}?next=/account/").text
    nav = text.partition('<nav class="doors')[2].partition("</nav>")[0]

    doors = re.findall(r'<a href="([^"]+)"\s*(aria-current="page")?>([^<]+)</a>', nav)
    ways = {html.unescape(name): (href, bool(current)) for href, current, name in doors}
    assert ways == {
        "I'm new": ("/sign-up/?next=/account/", is_open == "I'm new"),
        "I have an account": ("/sign-in/?next=/account/", is_open != "I'm new"),
    }
