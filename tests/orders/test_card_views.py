"""A new card typed on the gateway's page: the way there, the way back, and the waiting page."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from mobileplans.models import Handoff, Visit
from orders.domain import drafts, placing
from orders.models import Draft, Order
from outbox.models import Task
from outbox.retries import RETRY_DELAYS
from payments.domain import cards, pages
from payments.models import CardPage, GatewayCall, PaymentMethod
from payments.states import CardPageState
from subscriptions.domain import ways_out
from subscriptions.models import WayOut
from subscriptions.states import WayOutState
from tests.builders import make_card, make_draft, make_method, make_plan, payment_of
from tests.orders.conftest import APPROVED, DECLINED
from tests.orders.journey import LAUNCH, ready, sent, where
from tests.payments.conftest import type_card
from tests.processing import process_task
from tests.providers import books, break_it


@pytest.fixture
def shopping(as_alice: Client, alice: User, gateway: str, settings: Any) -> Client:
    """Return Alice's browser after a launch, where cards are typed at the gateway."""
    settings.PAYMENT_CARD_ENTRY = "page"
    as_alice.get(LAUNCH)
    return as_alice


@pytest.fixture
def draft(shopping: Client, alice: User) -> Draft:
    """Return Alice's draft, with a stored card that was chosen before."""
    return ready(alice)


def ask(browser: Client, draft: Draft) -> CardPage:
    """Choose *Use a new card* and return the page that is to be opened."""
    answer = browser.post("/payment/", sent(draft, method="new"))
    page = CardPage.objects.latest("pk")
    assert where(answer) == (303, f"/payment/card/{page.key}/")
    return page


def look(page: CardPage) -> None:
    process_task(pages.KIND, page.pk)
    page.refresh_from_db()


def opened(browser: Client, draft: Draft) -> CardPage:
    page = ask(browser, draft)
    look(page)
    return page


def come_back(browser: Client, page: CardPage, **said: str) -> None:
    """Type a card at the gateway, go where that leads, and let a worker look."""
    back = type_card(page.url, **said).removeprefix("http://127.0.0.1:8000")
    assert where(browser.get(back)) == (303, f"/payment/card/{page.key}/")
    look(page)


def waiting(page: CardPage) -> str:
    return f"/payment/card/{page.key}/"


def current_step(browser: Client, page: CardPage) -> str:
    found = re.search(r"data-news>([^<]*)<", browser.get(waiting(page)).text)
    assert found is not None
    return found[1]


def test_the_page_has_no_field_for_a_card(shopping: Client, draft: Draft) -> None:
    page = shopping.get("/payment/").text

    assert "Use a new card" in page
    assert "secure page." in page
    assert "cc-number" not in page


def test_a_new_card_is_entered_at_the_gateway_and_chosen(
    shopping: Client, draft: Draft, gateway: str
) -> None:
    page = ask(shopping, draft)
    assert current_step(shopping, page) == "Opening the card page"
    assert not GatewayCall.objects.exists()

    look(page)
    assert current_step(shopping, page) == "Enter your card details"
    assert where(shopping.get(f"{waiting(page)}open/")) == (303, page.url)
    back = type_card(page.url).removeprefix("http://127.0.0.1:8000")
    shopping.get(back)
    assert current_step(shopping, page) == "Checking your card"
    look(page)

    draft.refresh_from_db()
    assert where(shopping.get(waiting(page))) == (303, "/review/")
    assert draft.method == page.method == PaymentMethod.objects.latest("pk")
    assert "Visa ending in 4242" in shopping.get("/review/").text


def test_card_fields_are_ignored_if_cards_are_entered_at_the_gateway(
    shopping: Client, draft: Draft
) -> None:
    answer = shopping.post("/payment/", sent(draft, method="new", number=APPROVED, csc="123"))

    assert where(answer)[1].startswith("/payment/card/")
    assert not GatewayCall.objects.filter(operation="tokenise").exists()


def test_a_stored_card_can_still_be_chosen(shopping: Client, alice: User, draft: Draft) -> None:
    stored = make_method(alice, last4="1881")

    answer = shopping.post("/payment/", sent(draft, method=stored.pk))

    assert where(answer) == (303, "/review/")
    assert Draft.objects.get().method == stored


def test_a_double_click_opens_one_card_page(shopping: Client, draft: Draft) -> None:
    first = ask(shopping, draft)
    second = ask(shopping, draft)

    assert first == second
    assert Task.objects.filter(kind=pages.KIND).count() == 1


def test_card_pages_are_counted_with_the_new_cards_of_the_account(
    shopping: Client, draft: Draft, settings: Any
) -> None:
    settings.CARD_LIMIT = 2
    shopping.post("/account/methods/add/")
    page = ask(shopping, draft)
    # Asking for the same page again is no new card.
    assert ask(shopping, draft) == page
    CardPage.objects.filter(pk=page.pk).update(state=CardPageState.REFUSED)

    answer = shopping.post("/payment/", sent(draft, method="new"))

    assert where(answer) == (303, "/payment/")
    assert "Several new cards were tried already." in shopping.get("/payment/").text
    assert CardPage.objects.count() == 2


def test_a_stale_form_counts_no_card(shopping: Client, draft: Draft, settings: Any) -> None:
    settings.CARD_LIMIT = 1
    older = draft.version
    drafts.choose_method(draft, draft.method or make_method(draft.account), version=older)

    shopping.post("/payment/", {"draft": draft.pk, "version": older, "method": "new"})

    assert ask(shopping, draft).state == CardPageState.INTENDED


@pytest.mark.parametrize("limit", [0, 1])
def test_the_second_of_two_concurrent_forms_redirects_to_the_first_ones_card_page(
    shopping: Client, draft: Draft, settings: Any, limit: int
) -> None:
    settings.CARD_LIMIT = limit
    stale = Draft.objects.get(pk=draft.pk)
    page = drafts.open_card_page(draft, version=draft.version, network="")

    assert drafts.open_card_page(stale, version=stale.version, network="") == page
    assert CardPage.objects.count() == 1


def test_a_stale_form_opens_no_card_page(shopping: Client, draft: Draft) -> None:
    older = draft.version
    drafts.choose_method(draft, draft.method or make_method(draft.account), version=older)

    answer = shopping.post("/payment/", {"draft": draft.pk, "version": older, "method": "new"})

    assert where(answer) == (303, "/review/")
    assert "Your choices changed" in shopping.get("/review/").text
    assert not CardPage.objects.exists()


def test_after_one_card_another_can_be_entered(shopping: Client, draft: Draft) -> None:
    come_back(shopping, opened(shopping, draft))
    draft.refresh_from_db()

    second = opened(shopping, draft)
    come_back(shopping, second, number="5555555555554444")

    draft.refresh_from_db()
    assert draft.method is not None
    assert (draft.method.last4, PaymentMethod.objects.count()) == ("4444", 3)


def test_the_browser_is_sent_to_the_gateway_automatically_once(
    shopping: Client, draft: Draft
) -> None:
    page = opened(shopping, draft)
    refresh = f'<meta http-equiv="refresh" content="0; url={waiting(page)}open/">'
    assert refresh in shopping.get(waiting(page)).text
    shopping.get(f"{waiting(page)}open/")

    after_back = shopping.get(waiting(page)).text
    assert "refresh" not in after_back
    assert f'href="{waiting(page)}open/"' in after_back

    ask(shopping, draft)
    assert refresh in shopping.get(waiting(page)).text


def test_without_a_url_of_the_gateway_there_is_no_redirect(shopping: Client, draft: Draft) -> None:
    page = ask(shopping, draft)

    assert where(shopping.get(f"{waiting(page)}open/")) == (303, waiting(page))


@pytest.mark.parametrize("said", [{"decision": "close"}, {"number": DECLINED}])
def test_without_a_card_the_customer_returns_to_payment(
    shopping: Client, draft: Draft, said: dict[str, str]
) -> None:
    page = opened(shopping, draft)
    before = draft.method
    come_back(shopping, page, **said)

    assert where(shopping.get(waiting(page))) == (303, "/payment/")
    assert "No card was saved and nothing was charged." in shopping.get("/payment/").text
    draft.refresh_from_db()
    assert (draft.method, draft.plan_name) == (before, "Traveller")


def test_an_unavailable_gateway_is_reported_and_loses_nothing(
    shopping: Client, draft: Draft, gateway: str
) -> None:
    page = ask(shopping, draft)
    break_it(gateway, "open_page", "http_500", times=100)
    look(page)
    assert "keep trying" in shopping.get(waiting(page)).text

    for _ in RETRY_DELAYS:
        look(page)

    assert where(shopping.get(waiting(page))) == (303, "/payment/")
    assert "reach the payment service" in shopping.get("/payment/").text
    assert Draft.objects.get().plan_name == "Traveller"
    assert ask(shopping, Draft.objects.get()) != page


def test_a_card_page_that_timed_out_says_so(shopping: Client, draft: Draft) -> None:
    page = opened(shopping, draft)
    CardPage.objects.update(created_at=now() - pages.TIME_LIMIT - timedelta(minutes=1))
    look(page)

    assert where(shopping.get(waiting(page))) == (303, "/payment/")
    assert "The card page timed out" in shopping.get("/payment/").text


def test_returning_several_times_stores_one_card(shopping: Client, draft: Draft) -> None:
    page = opened(shopping, draft)
    come_back(shopping, page)
    draft.refresh_from_db()
    version = draft.version

    come_back(shopping, page)
    shopping.get(waiting(page))

    draft.refresh_from_db()
    assert draft.version == version
    assert PaymentMethod.objects.filter(card_page=page).count() == 1


def test_a_customer_cannot_open_another_customers_card_page(
    shopping: Client, draft: Draft, client: Client, bob: User
) -> None:
    page = opened(shopping, draft)
    client.force_login(bob)

    for path in ("", "open/", "returned/"):
        assert client.get(f"{waiting(page)}{path}").status_code == 404
    page.refresh_from_db()
    assert (page.sent_at, page.returned_at) == (None, None)


def test_a_customer_who_lost_the_cookies_signs_in_and_continues(
    shopping: Client, draft: Draft, client: Client, alice: User
) -> None:
    page = opened(shopping, draft)
    back = type_card(page.url).removeprefix("http://127.0.0.1:8000")

    assert where(client.get(back))[1].startswith("/sign-in/?next=%2Fpayment%2Fcard%2F")
    client.force_login(alice)
    assert where(client.get(back)) == (303, waiting(page))
    look(page)

    draft.refresh_from_db()
    assert draft.method == page.method is not None


def test_a_card_that_comes_after_another_choice_is_stored_but_not_chosen(
    shopping: Client, alice: User, draft: Draft
) -> None:
    page = opened(shopping, draft)
    draft.refresh_from_db()
    stored = make_method(alice, last4="1881")
    shopping.post("/payment/", sent(draft, method=stored.pk))

    come_back(shopping, page)

    draft.refresh_from_db()
    assert (page.state, draft.method) == (CardPageState.TAKEN, stored)
    assert where(shopping.get(waiting(page))) == (303, "/review/")


def test_coming_back_after_the_order_leads_to_the_order(shopping: Client, draft: Draft) -> None:
    page = opened(shopping, draft)
    come_back(shopping, page)
    draft.refresh_from_db()
    order = placing.place(draft, version=draft.version)

    shopping.get(f"{waiting(page)}returned/")

    assert where(shopping.get(waiting(page))) == (303, f"/orders/{order.number}/")


def test_a_card_that_comes_after_the_order_changes_no_order(shopping: Client, draft: Draft) -> None:
    page = opened(shopping, draft)
    draft.refresh_from_db()
    order = placing.place(draft, version=draft.version)

    come_back(shopping, page)

    assert page.state == CardPageState.TAKEN
    assert payment_of(Order.objects.get()).method != page.method
    assert where(shopping.get(waiting(page))) == (303, f"/orders/{order.number}/")


def test_leaving_from_the_card_page_counts_as_leaving_at_payment(
    shopping: Client, draft: Draft
) -> None:
    page = opened(shopping, draft)
    shopping.get(waiting(page))

    shopping.post("/leave/")

    assert Handoff.objects.get().purchase_instrument == "Bailed"
    assert Visit.objects.latest("pk").step == "payment"


def test_a_removed_card_redirects_to_payment(shopping: Client, alice: User) -> None:
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=make_plan())
    form = sent(draft)
    assert draft.method is not None
    cards.remove(draft.method)

    assert where(shopping.get("/review/")) == (303, "/payment/")
    page = shopping.get("/payment/").text
    assert "Choose a payment method to continue." in page
    assert "Visa ending in 4242" not in page
    assert where(shopping.post("/review/", form)) == (303, "/payment/")
    assert "Your choices changed" in shopping.get("/payment/").text
    assert not Order.objects.exists()


def test_a_card_removed_in_another_tab_is_not_accepted(shopping: Client, draft: Draft) -> None:
    removed = make_method(draft.account)
    cards.remove(removed)

    answer = shopping.post("/payment/", sent(draft, method=removed.pk))

    assert where(answer) == (303, "/payment/")
    assert "no longer available" in shopping.get("/payment/").text


def test_a_card_removed_at_the_same_moment_is_not_chosen(
    shopping: Client, draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = make_method(draft.account)
    choose = drafts.choose_method

    def meanwhile(draft: Draft, method: PaymentMethod, *, version: int) -> None:
        cards.remove(method)
        choose(draft, method, version=version)

    monkeypatch.setattr(drafts, "choose_method", meanwhile)
    answer = shopping.post("/payment/", sent(draft, method=chosen.pk))

    assert where(answer) == (303, "/payment/")
    assert "no longer available" in shopping.get("/payment/").text


def test_an_order_that_was_placed_keeps_the_card_that_is_removed(
    shopping: Client, draft: Draft
) -> None:
    method = draft.method
    assert method is not None
    order = placing.place(draft, version=draft.version)

    cards.remove(method)

    payment_of(order).refresh_from_db()
    assert payment_of(order).method == method
    assert cards.is_needed(method)


def test_only_the_entered_card_stays_at_the_gateway(
    shopping: Client, draft: Draft, gateway: str
) -> None:
    come_back(shopping, opened(shopping, draft))

    assert books(gateway)["tokens"] == 1


def test_in_the_walled_garden_the_page_waits_for_a_way_out(
    as_alice: Client, alice: User, gateway: str, network: str, settings: Any
) -> None:
    settings.PAYMENT_CARD_ENTRY = "page"
    card = make_card()
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={card.iccid}")
    page = ask(as_alice, ready(alice))
    look(page)
    waiting = as_alice.get(f"/payment/card/{page.key}/").text
    assert "Go to the card page" not in waiting

    way = ways_out.latest(str(page.key))
    assert way is not None
    process_task(ways_out.KIND, way.pk)
    assert "Go to the card page" in as_alice.get(f"/payment/card/{page.key}/").text

    # A second request for a card uses the same page and the same way out.
    assert ask(as_alice, Draft.objects.get()) == page
    assert WayOut.objects.count() == 1

    as_alice.get(f"/payment/card/{page.key}/returned/")
    way.refresh_from_db()
    assert way.state == WayOutState.CLOSING


def test_without_a_way_out_the_card_page_is_opened_all_the_same(
    as_alice: Client, alice: User, gateway: str, settings: Any
) -> None:
    settings.PAYMENT_CARD_ENTRY = "page"
    settings.NETWORK = "subscriptions.networks.warm.AlwaysWarm"
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={make_card().iccid}")
    page = ask(as_alice, ready(alice))
    look(page)
    process_task(ways_out.KIND, WayOut.objects.get().pk)

    assert "Go to the card page" in as_alice.get(f"/payment/card/{page.key}/").text
