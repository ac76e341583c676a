"""The payment page: a card is chosen or typed, and nothing of it is kept."""

import pytest
from django.test import Client

from accounts.models import User
from orders.forms import PaymentForm
from orders.models import Draft
from payments.gateways.values import Card
from payments.models import GatewayCall
from tests.builders import (
    make_method,
)
from tests.orders.conftest import APPROVED
from tests.orders.journey import card, ready, sent, where


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"number": "4242424242424241"}, "A digit is wrong"),
        ({"expiry": "13/40"}, "Enter the month and year"),
        ({"expiry": "01/20"}, "has expired"),
        ({"csc": "12"}, "3- or 4-digit"),
        ({"holder": " "}, "as it appears on the card"),
    ],
)
def test_a_card_error_is_shown_at_its_field(
    shopping: Client, alice: User, typed: dict[str, str], error: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(**typed)))
    page = shopping.get("/payment/").text
    at_the_field = page.partition(f'id="id_{next(iter(typed))}_error"')[2]

    assert where(answer) == (303, "/payment/")
    assert error in at_the_field
    assert APPROVED not in page


@pytest.mark.parametrize(
    ("number", "expiry", "csc"),
    [
        (APPROVED, "12 \u2013 40", "123"),
        (APPROVED, "12.2040", "123"),
        (APPROVED, "\u0661\u0662\u2044\u0664\u0660", "\u0661\u0662\u0663"),
        (APPROVED, "\uff11\uff12\uff0f\uff14\uff10", "\uff11\uff12\uff13"),
        ("4242\u20134242\u20134242\u00a04242", "\u202a12/40\u202c", "123\u200b"),
    ],
)
def test_a_card_is_read_however_its_digits_are_typed(number: str, expiry: str, csc: str) -> None:
    form = PaymentForm({"draft": 1, "version": 1, **card(number=number, expiry=expiry, csc=csc)})

    assert form.is_valid(), form.errors
    assert form.card() == Card(APPROVED, 12, 2040, "123", "Alice")


def test_after_a_refusal_number_and_code_are_empty_and_the_rest_stays(
    shopping: Client, alice: User, gateway: str
) -> None:
    draft = ready(alice)

    shopping.post("/payment/", sent(draft, **card(csc="1234")))
    form = shopping.get("/payment/").context["form"]
    shown = {name: form[name].value() or "" for name in ("number", "csc", "expiry", "holder")}

    assert shown == {"number": "", "csc": "", "expiry": "12/40", "holder": "Alice"}
    assert "4242" not in str(dict(shopping.session))


@pytest.mark.parametrize("typed", [APPROVED, "Alice 4242 4242\u20134242 4242"])
def test_a_card_number_in_the_field_of_the_name_is_refused_and_not_kept(
    shopping: Client, alice: User, typed: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(holder=typed)))
    kept = str(dict(shopping.session))
    page = shopping.get("/payment/").text

    assert where(answer) == (303, "/payment/")
    assert "This looks like a card number" in page
    assert "4242" not in kept
    assert typed not in page


def test_an_unavailable_gateway_is_reported_and_loses_nothing(
    shopping: Client, alice: User
) -> None:
    draft = ready(alice)

    shopping.post("/payment/", sent(draft, **card()))

    assert "We can&#x27;t reach the payment service" in shopping.get("/payment/").text
    assert Draft.objects.get().plan_name == "Traveller"


def test_a_payment_method_of_another_customer_cannot_be_chosen(
    shopping: Client, alice: User, bob: User
) -> None:
    draft = ready(alice)
    of_bob = make_method(bob)

    shopping.post("/payment/", sent(draft, method=str(of_bob.pk)))

    assert "no longer available" in shopping.get("/payment/").text
    draft.refresh_from_db()
    assert draft.method is not None
    assert draft.method.account == alice


def test_a_stale_card_form_sends_nothing_to_the_gateway(shopping: Client, alice: User) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", {"draft": draft.pk, "version": 1, **card()})

    assert where(answer) == (303, "/review/")
    assert not GatewayCall.objects.exists()


def test_a_card_error_of_the_gateway_is_shown_at_its_field(
    shopping: Client, alice: User, gateway: str
) -> None:
    draft = ready(alice)

    answer = shopping.post("/payment/", sent(draft, **card(csc="1234")))

    assert where(answer) == (303, "/payment/")
    assert "accept this entry" in shopping.get("/payment/").text


def test_a_stored_card_is_chosen(shopping: Client, alice: User) -> None:
    draft = ready(alice)
    stored = make_method(alice, last4="1881")

    assert where(shopping.post("/payment/", sent(draft, method=stored.pk))) == (303, "/review/")
    assert Draft.objects.get().method == stored
