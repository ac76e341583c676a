"""The tiles of the plans, and what is said once below all of them."""

import html
import re

from django.test import Client

from orders.models import Draft
from plans.models import Plan
from tests.builders import make_plan
from tests.orders.journey import sent, where

PLANS, MANY = "/plans/?category=prepaid", ("US", "CA", "MX", "BR")


def words(text: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))


def tiles(page: str) -> list[str]:
    return [words(tile) for tile in re.findall(r'<label class="plan">.*?</label>', page, re.DOTALL)]


def below(page: str) -> str:
    found = re.search(r'<div class="plans-more">(.*?)</form>', page, re.DOTALL)
    return words(found[1]) if found else ""


def ask_for_terms(browser: Client, plan: Plan) -> str:
    """Choose the plan, ask for its terms, and return where that leads."""
    browser.get(PLANS)
    answer = browser.post(PLANS, sent(Draft.objects.get(), plan=plan.pk, terms="1"))
    return where(answer)[1]


def test_a_tile_has_name_data_days_places_and_price(shopping: Client) -> None:
    make_plan()

    page = shopping.get(PLANS).text

    assert tiles(page) == ["Traveller 5 GB for 30 days United States and Canada incl. tax $19.00"]
    assert below(page) == "Plan terms"


def test_a_long_list_of_countries_is_below_the_tiles(shopping: Client) -> None:
    make_plan(code="near", countries=MANY[:3])
    make_plan(code="far", countries=MANY)

    page = shopping.get(PLANS).text

    assert "United States, Canada, and Mexico incl. tax" in tiles(page)[0]
    assert "United States and 3 more incl. tax" in tiles(page)[1]
    countries = "Far United States, Canada, Mexico, and Brazil"
    assert below(page) == f"Where each plan works {countries} Plan terms"


def test_the_terms_are_those_of_the_chosen_plan_and_lead_back_to_it(shopping: Client) -> None:
    plan = make_plan()

    terms = ask_for_terms(shopping, plan)

    assert terms == f"/plans/{plan.pk}/terms/?next=%2Fplans%2F%3Fcategory%3Dprepaid"
    page = shopping.get(terms).text
    assert "Data only." in page
    assert f'href="{PLANS}"' in page
    assert below(shopping.get(PLANS).text) == "Plan terms · Traveller"
    assert Draft.objects.get().plan is None


def test_without_a_choice_the_terms_ask_for_one(shopping: Client) -> None:
    make_plan()
    shopping.get(PLANS)

    answer = shopping.post(PLANS, sent(Draft.objects.get(), terms="1"))

    assert where(answer) == (303, PLANS)
    assert "Choose a plan." in shopping.get(PLANS).text


def test_enter_does_not_press_the_button_for_the_terms(shopping: Client) -> None:
    make_plan()

    form = shopping.get(PLANS).text.partition('id="choose-plan"')[2].partition("</form>")[0]

    first, second = re.findall(r"<button[^>]*>", form)
    assert (first, 'name="terms"' in second) == ('<button type="submit" hidden>', True)
