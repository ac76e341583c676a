"""The wish that the service starts now, before the customer can no longer withdraw."""

import html
import re

import pytest
from django.test import Client
from django.utils.timezone import now
from django.utils.translation import override

from accounts.models import AccountMessage, User
from brand.models import MarketRules
from messages.rendering import render
from messages.states import Occasion
from mobileplans.models import Visit
from orders.domain import placing
from orders.domain.consent import consent_text, start_now_text
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from tests.builders import make_draft, make_pool
from tests.orders.conftest import new_card, settled
from tests.orders.journey import sent, where
from tests.subscriptions.renewals import make_monthly

WISH = (
    "Start now: I ask that the service starts before the 14 days in which I can withdraw are over."
    " I know that I pay for what I use until I withdraw."
)
BOX = r'<input type="checkbox"\s+name="start_now"[^>]*>'


@pytest.fixture
def rules() -> MarketRules:
    """Return the rules of a market whose law lets customers withdraw."""
    return MarketRules.objects.create(market="US", withdrawal_days=14, repayment="time")


@pytest.fixture
def draft(shopping: Client, alice: User, services: tuple[str, str, str], rules: object) -> Draft:
    """Return Alice's draft with a card that is approved, as the review page has shown it."""
    make_pool()
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), method=new_card(alice))
    shopping.get("/review/")
    draft.refresh_from_db()
    return draft


def words(browser: Client, path: str) -> str:
    return html.unescape(browser.get(path).text)


def box(page: str) -> str:
    found = re.search(BOX, page)
    return found[0] if found else ""


def test_the_review_has_an_empty_box_that_nobody_must_tick(shopping: Client, draft: Draft) -> None:
    page = words(shopping, "/review/")

    assert f'value="{WISH}"' in box(page)
    assert "checked" not in box(page)
    assert "Without a tick, you get the whole price back if you withdraw in time." in page
    shopping.post("/review/", sent(draft))
    order = Order.objects.get()
    assert (order.start_now_text, order.start_now_at) == ("", None)


def test_the_wish_is_kept_with_the_order_as_it_was_shown(shopping: Client, draft: Draft) -> None:
    before = now()

    answers = {where(shopping.post("/review/", sent(draft, start_now=WISH))) for _ in range(2)}

    order = Order.objects.get()
    assert answers == {(303, f"/orders/{order.number}/")}
    assert order.start_now_text == WISH
    assert order.start_now_at is not None
    assert before < order.start_now_at < now()


def test_a_wish_with_another_text_orders_nothing(
    shopping: Client, draft: Draft, rules: MarketRules
) -> None:
    rules.start_now = {"en": "Begin at once."}
    rules.save()

    assert where(shopping.post("/review/", sent(draft, start_now=WISH))) == (303, "/review/")

    page = words(shopping, "/review/")
    assert "Your choices changed" in page
    assert 'value="Begin at once."' in box(page)
    assert not Order.objects.exists()


def test_a_page_from_before_the_box_still_orders(shopping: Client, draft: Draft) -> None:
    assert where(shopping.post("/review/", sent(draft)))[1].startswith("/orders/")
    assert not Order.objects.get().start_now_text


def test_both_boxes_stand_on_the_page_and_a_tick_survives_an_error(
    shopping: Client, alice: User, draft: Draft
) -> None:
    Draft.objects.update(plan=make_monthly())
    shopping.get("/review/")
    draft.refresh_from_db()

    answer = shopping.post("/review/", sent(draft, start_now=WISH))

    assert where(answer) == (303, "/review/")
    page = words(shopping, "/review/")
    assert "Tick this box if you agree." in page
    assert "checked" in box(page)
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft, start_now=WISH, consent=consent_text(draft)))
    order = Order.objects.get()
    assert order.start_now_text == WISH
    assert order.consent_text


def test_the_tick_is_still_there_after_signing_in_again(
    shopping: Client, alice: User, draft: Draft
) -> None:
    shopping.logout()
    shopping.post("/review/", sent(draft, start_now=WISH))
    shopping.force_login(alice)

    assert "checked" in box(words(shopping, "/review/"))


@pytest.mark.parametrize("change", [{"withdrawal_days": 0}, {"repayment": "whole"}])
def test_a_market_that_keeps_nothing_back_has_no_box(
    shopping: Client, draft: Draft, change: dict[str, object]
) -> None:
    MarketRules.objects.update(**change)

    assert box(words(shopping, "/review/")) == ""
    draft.refresh_from_db()
    assert where(shopping.post("/review/", sent(draft, start_now=WISH))) == (303, "/review/")
    assert not Order.objects.exists()


def test_the_domain_refuses_another_text_too(draft: Draft) -> None:
    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version, start_now="something else")


def test_the_wish_is_asked_for_in_the_language_of_the_reader(draft: Draft) -> None:
    with override("de"):
        assert start_now_text(draft).startswith("Sofort beginnen: Ich verlange ausdrücklich, ")
    with override("ar"):
        assert start_now_text(draft).startswith("البدء الآن")


@pytest.mark.parametrize("wish", [WISH, ""])
def test_the_confirmation_repeats_the_wish_on_the_page_and_in_the_mail(
    shopping: Client, draft: Draft, wish: str
) -> None:
    order = settled(placing.place(draft, version=draft.version, start_now=wish))

    (row,) = AccountMessage.objects.filter(occasion=Occasion.ORDER_CONFIRMED)
    mail = render(Occasion.ORDER_CONFIRMED, row.context, language="en").text
    page = words(shopping, f"/orders/{order.number}/")
    assert (WISH in mail) == bool(wish)
    assert ("You asked for this on " in mail) == bool(wish)
    assert (WISH in page) == bool(wish)
