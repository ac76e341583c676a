"""What each market's law gives its customers: defaults in code, and rows that staff change."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.translation import override

from accounts.models import User
from brand.models import MarketRules, Repayment
from brand.queries import market_rules, order_button, start_now_words
from tests.builders import make_draft, make_plan, make_visit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("market", "days", "repayment", "cancels"),
    [
        ("DE", 14, Repayment.TIME_AND_DATA, True),
        ("GB", 14, Repayment.TIME_AND_DATA, False),
        ("US", 0, Repayment.WHOLE, False),
        ("JP", 0, Repayment.WHOLE, False),
        ("AE", 0, Repayment.WHOLE, False),
    ],
)
def test_a_market_without_a_row_has_the_rules_of_its_law(
    market: str, days: int, repayment: Repayment, *, cancels: bool
) -> None:
    rules = market_rules(market)

    assert (rules.withdrawal_days, rules.repayment) == (days, repayment)
    assert rules.offers_cancel_function == cancels
    assert rules.allows_withdrawal == rules.keeps_price_of_use == (days > 0)


def test_staff_change_the_rules_of_a_market() -> None:
    MarketRules.objects.create(market="DE", withdrawal_days=30, order_button={"de": "Kaufen"})

    rules = market_rules("DE")

    assert (str(rules), rules.withdrawal_days, rules.offers_cancel_function) == ("DE", 30, False)
    assert order_button("DE", "de") == "Kaufen"
    assert order_button("DE", "ar") == ""


@pytest.mark.parametrize("words", [["Kaufen"], {"de": ""}, {"de": 1}])
def test_the_words_of_the_order_button_are_one_text_for_each_language(words: object) -> None:
    rules = MarketRules(market="DE", order_button=words)

    with pytest.raises(ValidationError, match="a text for each language"):
        rules.full_clean()


def shop_in(market: str, browser: Client, account: User) -> None:
    """Launch in the market, with a draft that can be reviewed."""
    browser.get(f"/?market={market}&location={market}&eid=89049032123451234512345678901235")
    visit = make_visit(account=account, market=market, location=market)
    make_draft(account, visit=visit, plan=make_plan(market=market, countries=(market,)))


@pytest.mark.parametrize(
    ("market", "language", "words"),
    [
        ("DE", "de", "Zahlungspflichtig bestellen"),
        ("DE", "en", "Order with obligation to pay"),
        ("GB", "en", "Order with obligation to pay"),
        ("JP", "en", "Submit order"),
        ("AE", "en", "Submit order"),
        ("US", "en", "Submit order"),
    ],
)
def test_the_order_button_has_the_words_of_the_market(
    as_alice: Client, alice: User, market: str, language: str, words: str
) -> None:
    shop_in(market, as_alice, alice)

    page = as_alice.get("/review/", headers={"Accept-Language": language})

    assert f'form="submit-order">{words}</button>' in page.text


@pytest.mark.parametrize(
    ("market", "language", "name"),
    [
        ("DE", "de", "MwSt."),
        ("DE", "en", "VAT"),
        ("DE", "fr", "TVA"),
        ("JP", "ja", "消費税"),
        ("GB", "en", "VAT"),
        ("JP", "en", "consumption tax"),
        ("AE", "ar", "ضريبة القيمة المضافة"),
        ("US", "en", "tax"),
    ],
)
def test_the_tax_has_the_name_of_the_market(
    as_alice: Client, alice: User, market: str, language: str, name: str
) -> None:
    shop_in(market, as_alice, alice)

    for page in ("/plans/", "/review/"):
        assert name in as_alice.get(page, headers={"Accept-Language": language}).text


@pytest.mark.parametrize("market", ["DE", "GB"])
@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_a_market_with_withdrawal_has_words_in_each_language(market: str, language: str) -> None:
    rules = market_rules(market)

    with override(language):
        words = [order_button(market, language), start_now_words(market, language), rules.tax_name]
    assert all(words)
    assert len({*words}) == 3


@pytest.mark.parametrize("market", ["US", "JP", "AE"])
def test_a_market_without_withdrawal_asks_for_no_wish_to_start_now(market: str) -> None:
    assert start_now_words(market, "en") == ""
