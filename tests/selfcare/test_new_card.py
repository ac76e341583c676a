"""`/account/methods/add/`: a new card outside of an order, for later or for one plan."""

import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from payments.domain import pages
from payments.models import CardPage, GatewayCall, Mandate, Payment, PaymentMethod
from payments.states import CardPageState
from subscriptions.models import WayOut
from tests.builders import make_card
from tests.payments.conftest import type_card
from tests.processing import process_task
from tests.selfcare.test_plan_at_the_bank import in_grace as _in_grace
from tests.selfcare.test_plan_payment import EXPIRY_YEAR
from tests.selfcare.test_plans import PAGE, words
from tests.subscriptions.renewals import Renewal

ADD = "/account/methods/add/"
in_grace = _in_grace
CARD = {
    "number": "5555 5555 5555 4444",
    "expiry": f"12/{EXPIRY_YEAR % 100}",
    "csc": "123",
    "holder": "Alice",
}


@pytest.fixture
def on_page(settings: Settings) -> None:
    settings.PAYMENT_CARD_ENTRY = "page"


@pytest.fixture
def opened(as_alice: Client, gateway: str, on_page: None) -> CardPage:
    as_alice.post(ADD)
    return open_page()


def open_page() -> CardPage:
    page = CardPage.objects.get()
    process_task(pages.KIND, page.pk)
    page.refresh_from_db()
    return page


def test_a_card_is_saved_without_a_charge(as_alice: Client, alice: User, gateway: str) -> None:
    assert f'href="{ADD}"' in words(as_alice, "/account/")
    assert "Nothing is charged now." in words(as_alice, ADD)

    answer = as_alice.post(ADD, CARD)

    assert answer.headers["location"] == "/account/"
    assert "Mastercard ending in 4444 is saved." in words(as_alice, "/account/")
    assert PaymentMethod.objects.get().account == alice
    assert not Payment.objects.exists()
    assert [call.operation for call in GatewayCall.objects.all()] == ["tokenise"]


def test_a_card_for_an_overdue_plan_leads_to_the_consent_and_pays_the_month(
    as_alice: Client, in_grace: Renewal
) -> None:
    assert f'href="{ADD}?plan=R1"' in words(as_alice, f"{PAGE}pay/")
    assert "Nothing is charged before you confirm" in words(as_alice, f"{ADD}?plan=R1")

    answer = as_alice.post(f"{ADD}?plan=R1", CARD)

    card = PaymentMethod.objects.latest("pk")
    assert answer.headers["location"] == f"{PAGE}pay/?method={card.pk}"
    page = words(as_alice, answer.headers["location"])
    assert "$25.00 is charged now" in page
    assert "Mastercard ending in 4444" in page


def test_who_has_no_method_left_is_led_to_a_new_card(as_alice: Client, monthly: Renewal) -> None:
    PaymentMethod.objects.update(stopped_at=monthly.subscription.anchored_at)

    page = words(as_alice, f"{PAGE}pay/")

    assert f'href="{ADD}?plan=R1">Add a card</a>' in page


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("number", "5555555555554445", "A digit is wrong or missing."),
        ("expiry", "01/20", "This card has expired."),
        ("csc", "12", "Enter the 3- or 4-digit security code."),
        ("holder", " ", "Enter the name as it appears on the card."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    as_alice: Client, gateway: str, field: str, typed: str, says: str
) -> None:
    answer = as_alice.post(ADD, {**CARD, field: typed})

    assert answer.headers["location"] == ADD
    page = words(as_alice, ADD)
    assert says in page
    assert "5555" not in page
    assert not GatewayCall.objects.exists()


def test_what_the_gateway_refuses_is_said_at_its_field(as_alice: Client, gateway: str) -> None:
    # The security code of this scheme has four digits.
    as_alice.post(ADD, {**CARD, "number": "378282246310005"})

    assert "accept this entry. Check it or use another card." in words(as_alice, ADD)
    assert not PaymentMethod.objects.exists()


def test_so_many_new_cards_and_no_more_are_sent_to_the_gateway(
    as_alice: Client, gateway: str, settings: Settings
) -> None:
    settings.CARD_LIMIT = 2
    for _ in range(3):
        as_alice.post(ADD, CARD)

    page = words(as_alice, ADD)
    assert "Several new cards were tried already." in page
    assert GatewayCall.objects.count() == 2


def test_a_stale_sign_in_is_asked_again_first(
    as_alice: Client, gateway: str, settings: Settings
) -> None:
    settings.REENTRY_MINUTES = 0

    answer = as_alice.get(ADD)

    assert answer.headers["location"].startswith("/account/confirm/?next=")


def test_the_plan_of_another_is_not_there(
    client: Client, as_alice: Client, bob: User, monthly: Renewal
) -> None:
    client.force_login(bob)

    assert client.get(f"{ADD}?plan=R1").status_code == 404


def test_where_no_gateway_takes_a_card_the_page_says_what_can_be_done(
    as_alice: Client, settings: Settings
) -> None:
    settings.PAYMENT_GATEWAY = ["payments.gateways.vouchers.VoucherServer"]

    assert ADD not in words(as_alice, "/account/")
    page = words(as_alice, ADD)
    assert "add a card here. Buy any plan with the card and keep it for later." in page
    # A form that was open before changes nothing.
    as_alice.post(ADD, CARD)
    assert not PaymentMethod.objects.exists()


def test_a_card_is_typed_on_the_gateways_page(as_alice: Client, opened: CardPage) -> None:
    address = f"{ADD}{opened.key}/"
    assert f"url={address}open/" in words(as_alice, address)
    assert as_alice.get(f"{address}open/").headers["location"] == opened.url

    back = type_card(opened.url).removeprefix("http://127.0.0.1:8000")
    assert as_alice.get(back).headers["location"] == address
    assert "Checking your card" in words(as_alice, address)
    process_task(pages.KIND, opened.pk)

    assert as_alice.get(address).headers["location"] == "/account/"
    assert "Visa ending in 4242 is saved." in words(as_alice, "/account/")
    # The way to a page that is over leads back to the progress.
    assert as_alice.get(f"{address}open/").headers["location"] == address


def test_the_gateways_page_for_a_plan_leads_on_to_the_consent(
    as_alice: Client, in_grace: Renewal, on_page: None
) -> None:
    answer = as_alice.post(f"{ADD}?plan=R1")
    page = open_page()
    assert answer.headers["location"] == f"{ADD}{page.key}/?plan=R1"

    back = type_card(page.url, expiry=f"12/{(datetime.now(tz=UTC).year + 4) % 100}")
    as_alice.get(back.removeprefix("http://127.0.0.1:8000"))
    process_task(pages.KIND, page.pk)

    card = PaymentMethod.objects.latest("pk")
    location = as_alice.get(answer.headers["location"]).headers["location"]
    assert location == f"{PAGE}pay/?method={card.pk}"
    assert Mandate.objects.filter(method=card).count() == 0


def test_a_page_without_a_card_leads_back(as_alice: Client, opened: CardPage) -> None:
    CardPage.objects.update(state=CardPageState.REFUSED)

    answer = as_alice.get(f"{ADD}{opened.key}/")

    assert answer.headers["location"] == ADD
    assert "No card was saved and nothing was charged." in words(as_alice, ADD)


def test_the_gateways_pages_are_counted_too(
    as_alice: Client, gateway: str, on_page: None, settings: Settings
) -> None:
    settings.CARD_LIMIT = 1
    as_alice.post(ADD)

    answer = as_alice.post(ADD)

    assert answer.headers["location"] == ADD
    assert "Several new cards were tried already." in words(as_alice, ADD)
    assert CardPage.objects.count() == 1


def test_a_device_in_the_walled_garden_gets_a_way_out_before_the_page(
    as_alice: Client, gateway: str, on_page: None
) -> None:
    sim = make_card()
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={sim.iccid}")

    as_alice.post(ADD)

    page = CardPage.objects.get()
    assert WayOut.objects.get().reference == str(page.key)
    as_alice.get(f"{ADD}{page.key}/returned/")
    assert WayOut.objects.get().state == "closing"


def test_the_page_of_another_is_not_there(client: Client, bob: User, opened: CardPage) -> None:
    client.force_login(bob)

    for action in ("", "open/", "returned/"):
        assert client.get(f"{ADD}{opened.key}/{action}").status_code == 404
    assert client.get(f"{ADD}{uuid.uuid4()}/").status_code == 404
