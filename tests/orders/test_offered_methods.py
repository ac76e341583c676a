"""Which payment methods a market offers: the order of the rows, and gateways that are off."""

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.models import Draft, Order
from payments.gateways.simulator import SimulatorGateway
from payments.models import CardPage, GatewayCall, PaymentMethod
from tests.builders import make_method
from tests.orders.journey import card, ready, sent, where
from tests.payments.other_gateway import OTHER, SIMULATOR

OFF, NOTHING = "Not available for this purchase", "You can't pay here at the moment."


@pytest.fixture(autouse=True)
def two_gateways(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY = [SIMULATOR, OTHER]
    settings.OTHER_GATEWAY_URL = "http://127.0.0.1:9"


def stored(account: User, gateway: str, last4: str) -> PaymentMethod:
    method = make_method(account, last4=last4)
    PaymentMethod.objects.filter(pk=method.pk).update(gateway=gateway)
    method.refresh_from_db()
    return method


def rows(page: str) -> list[str]:
    return re.findall(r"Visa ending in (\d{4})", page)


def test_the_rows_stand_in_the_markets_order_of_gateways(
    shopping: Client, alice: User, settings: Settings
) -> None:
    stored(alice, "other", "0001")
    draft = ready(alice)
    stored(alice, "simulator", "0002")
    assert draft.visit.market == "US"

    settings.PAYMENT_OFFERED_BY_MARKET = {"US": ["other", "simulator"], "DE": ["simulator"]}
    first = rows(shopping.get("/payment/").text)
    settings.PAYMENT_OFFERED_BY_MARKET = {"US": ["simulator", "other"]}
    then = rows(shopping.get("/payment/").text)

    assert first[0] == "0001"
    assert then[0] == "0002"
    assert sorted(first) == sorted(then)


def test_a_method_whose_gateway_is_off_says_so_and_cannot_be_chosen(
    shopping: Client, alice: User, settings: Settings
) -> None:
    draft = ready(alice)
    off = stored(alice, "other", "0001")
    settings.PAYMENT_OFFERED = ["simulator"]

    page = shopping.get("/payment/").text
    answer = shopping.post("/payment/", sent(draft, method=off.pk))

    assert "0001" in rows(page)
    assert f'value="{off.pk}"' not in page
    assert page.count(OFF) == 1
    assert where(answer) == (303, "/payment/")
    assert "no longer available" in shopping.get("/payment/").text
    assert OFF not in _with(shopping, settings, ["simulator", "other"])


def _with(shopping: Client, settings: Settings, offered: list[str]) -> str:
    settings.PAYMENT_OFFERED = offered
    return shopping.get("/payment/").text


def test_a_gateway_that_is_switched_off_before_submit_makes_no_order(
    shopping: Client, alice: User, settings: Settings
) -> None:
    draft = ready(alice)
    assert shopping.get("/review/").status_code == 200
    settings.PAYMENT_OFFERED = ["other"]

    submitted = shopping.post("/review/", sent(Draft.objects.get(pk=draft.pk)))
    review = shopping.get("/review/")
    page = shopping.get("/payment/").text

    assert where(submitted) == where(review) == (303, "/payment/")
    assert OFF in page
    assert not Order.objects.exists()
    settings.PAYMENT_OFFERED = []
    assert shopping.get("/review/").status_code == 200


def test_a_new_card_goes_to_the_markets_first_gateway(
    shopping: Client, alice: User, gateway: str, settings: Settings
) -> None:
    draft = ready(alice)
    settings.OTHER_GATEWAY_URL = gateway
    settings.PAYMENT_OFFERED_BY_MARKET = {"US": ["other"]}

    assert where(shopping.post("/payment/", sent(draft, **card()))) == (303, "/review/")

    assert PaymentMethod.objects.latest("pk").gateway == "other"


def test_a_card_page_is_opened_at_the_markets_first_gateway(
    shopping: Client, alice: User, settings: Settings
) -> None:
    draft = ready(alice)
    settings.PAYMENT_CARD_ENTRY = "page"
    settings.PAYMENT_OFFERED_BY_MARKET = {"US": ["other"]}

    shopping.post("/payment/", sent(draft, method="new"))

    assert CardPage.objects.get().gateway == "other"


@pytest.mark.parametrize("entry", ["fields", "page"])
def test_where_no_gateway_takes_cards_none_is_offered(
    shopping: Client,
    alice: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    entry: str,
) -> None:
    draft = ready(alice)
    settings.PAYMENT_CARD_ENTRY = entry
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())

    page = shopping.get("/payment/").text
    answer = shopping.post("/payment/", sent(draft, **card()))

    assert "Use a new card" not in page
    assert "id_number" not in page
    assert 'form="pay-with"' in page
    assert where(answer) == (303, "/payment/")
    assert not GatewayCall.objects.exists()
    assert not CardPage.objects.exists()


def test_where_nothing_can_be_paid_the_page_says_so(
    shopping: Client, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(alice)
    settings.PAYMENT_OFFERED = ["other"]
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())

    page = shopping.get("/payment/").text

    assert NOTHING in page
    assert 'form="pay-with"' not in page


def test_the_account_says_which_method_is_off(
    shopping: Client, alice: User, settings: Settings
) -> None:
    stored(alice, "simulator", "0001")
    stored(alice, "other", "0002")
    settings.PAYMENT_OFFERED = ["simulator"]
    off = "Not available at the moment"

    assert shopping.get("/account/").text.count(off) == 1
    settings.PAYMENT_OFFERED_BY_MARKET = {"DE": ["other"]}
    assert off not in shopping.get("/account/").text
