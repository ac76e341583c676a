"""`plans.queries`: the market sells, the location decides, the language only words it."""

import pytest

from plans.models import PlanText
from plans.queries import Offer, offers
from tests.builders import make_plan

pytestmark = pytest.mark.django_db


def names(found: list[Offer]) -> list[str]:
    return [one.name for one in found]


def test_a_market_offers_only_plans_that_work_at_the_location() -> None:
    make_plan(code="here", countries=("US",))
    make_plan(code="abroad", countries=("GB",))
    make_plan(code="elsewhere", market="GB", currency="GBP")

    found = offers(market="US", location="US", language="en")

    assert names(found) == ["Here"]


def test_the_language_changes_only_the_texts_of_an_offer() -> None:
    plan = make_plan()
    PlanText.objects.create(plan=plan, language="de", name="Reisende", terms="Nur Daten.")

    assert names(offers(market="US", location="US", language="de")) == ["Reisende"]
    assert names(offers(market="US", location="US", language="ar")) == ["Traveller"]


def test_a_plan_without_texts_shows_its_code() -> None:
    make_plan(code="bare")
    PlanText.objects.all().delete()

    assert names(offers(market="US", location="US", language="en")) == ["bare"]


def test_a_plan_that_is_off_sale_is_not_offered() -> None:
    plan = make_plan()
    plan.is_on_sale = False
    plan.save()

    assert offers(market="US", location="US", language="en") == []


def test_offers_can_be_limited_to_a_category() -> None:
    make_plan(code="once")
    make_plan(code="monthly", category="recurring")

    found = offers(market="US", location="US", language="en", category="recurring")

    assert [(one.name, one.validity_text) for one in found] == [("Monthly", "renews every month")]


@pytest.mark.parametrize(("days", "text"), [(1, "for 24 hours"), (30, "for 30 days")])
def test_an_offer_says_how_long_the_plan_lasts(days: int, text: str) -> None:
    make_plan(validity_days=days)

    assert offers(market="US", location="US", language="en")[0].validity_text == text
