"""Stripe's page that keeps a card without a payment: who typed what, and what the portal stores."""

from typing import Any

import httpx
import pytest

from payments.gateways.base import GatewayUnavailable
from payments.gateways.stripe import StripeGateway, pages
from payments.gateways.values import HostedPage, NoCard, StillOpen, StoredCard
from tests.payments.stripe import keep_on_page
from tests.providers import books

BACK = "http://127.0.0.1/returned/"
CARD = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
METHOD = {"id": "pm_1", "customer": "cus_1", "card": CARD}


def opened(key: str = "k") -> HostedPage:
    return StripeGateway().open_page(return_url=BACK, key=key)


def test_a_card_that_is_kept_belongs_to_a_customer_so_that_it_can_be_charged_again(
    stripe: str,
) -> None:
    page = opened()

    assert keep_on_page(page.url).headers["location"] == BACK

    stored = StripeGateway().fetch_page(page.page_id)
    assert isinstance(stored, StoredCard)
    (kept,) = books(stripe)["payment_method"]
    assert stored.token == f"{kept['customer']}/{kept['id']}"
    assert (stored.brand, stored.last4) == ("Visa", "4242")
    assert books(stripe)["payment_intent"] == []
    # Reload, or Back and once more, keeps no second card.
    assert keep_on_page(page.url).headers["location"] == BACK
    assert httpx.get(page.url, trust_env=False).headers["location"] == BACK
    assert len(books(stripe)["payment_method"]) == 1


def test_a_bank_that_asks_while_the_card_is_kept_is_answered_there(stripe: str) -> None:
    page = opened()
    bank = f"{stripe}{keep_on_page(page.url, '4000002760003184').headers['location']}"
    assert "is this card yours?" in httpx.get(bank, trust_env=False).text

    refused = httpx.post(bank, data={"decision": "refuse"}, trust_env=False)

    assert refused.headers["location"] == page.url
    assert StripeGateway().fetch_page(page.page_id) == StillOpen(page.page_id)
    httpx.post(bank, data={"decision": "approve"}, trust_env=False)
    assert isinstance(StripeGateway().fetch_page(page.page_id), StoredCard)


@pytest.mark.parametrize(
    ("number", "says"),
    [("4242424242424241", "Check the card number."), ("4000000000000002", "was declined")],
)
def test_a_card_that_is_wrong_or_refused_leaves_the_page_open(
    stripe: str, number: str, says: str
) -> None:
    page = opened()

    assert says in keep_on_page(page.url, number).text

    assert StripeGateway().fetch_page(page.page_id) == StillOpen(page.page_id)


def test_a_page_that_has_ended_has_no_card(stripe: str) -> None:
    page = opened()
    StripeGateway().void(page.page_id, key="v")

    assert StripeGateway().fetch_page(page.page_id) == NoCard(page.page_id, "session_expired")


@pytest.mark.parametrize(
    "session",
    [
        {"status": "new"},
        {"status": "complete"},
        {"status": "complete", "setup_intent": {"status": "processing", "payment_method": METHOD}},
        {"status": "complete", "setup_intent": {"status": "succeeded", "payment_method": "pm_1"}},
        {
            "status": "complete",
            "setup_intent": {"status": "succeeded", "payment_method": {**METHOD, "card": None}},
        },
        {
            "status": "complete",
            "setup_intent": {"status": "succeeded", "payment_method": {**METHOD, "customer": None}},
        },
        {
            "status": "complete",
            "setup_intent": {
                "status": "succeeded",
                "payment_method": {**METHOD, "card": {**CARD, "last4": "4242424242424242"}},
            },
        },
    ],
)
def test_an_answer_without_a_usable_card_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, stripe: str, session: dict[str, Any]
) -> None:
    monkeypatch.setattr(pages, "ask", lambda *_args: session)

    with pytest.raises(GatewayUnavailable):
        StripeGateway().fetch_page("cs_1")
