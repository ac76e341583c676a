"""Receipts and credit notes in the account: to print and to keep, for their customer alone."""

import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import User
from brand.models import MarketRules, Operator
from orders.models import Order
from plans.models import PlanPrice, PlanText
from tests.builders import make_credit_note, make_operator, make_order, make_receipt

RECEIPT, NOTE = "/account/receipts/2026-000001/", "/account/credit-notes/C2026-000001/"
PAGES = (RECEIPT, f"{RECEIPT}file/", NOTE, f"{NOTE}file/")


@pytest.fixture
def order(alice: User) -> Order:
    """Return an order of Alice's with a receipt over $19.00, of which $5.00 were given back."""
    make_operator()
    order = make_order(alice)
    make_credit_note(make_receipt(order))
    return order


def words(client: Client, page: str) -> str:
    """Return the words of the page's document, without tags."""
    text = client.get(page).text
    (document,) = re.findall(r"<article.*?</article>", text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", document)).split())


def listed(client: Client) -> str:
    return client.get("/account/receipts/").text


@pytest.mark.parametrize("page", [RECEIPT, f"{RECEIPT}file/"])
def test_a_receipt_has_everything_that_the_law_asks_for(
    as_alice: Client, order: Order, page: str
) -> None:
    assert words(as_alice, page) == (
        "Kestrel Mobile, Inc. 100 Example Avenue Springfield, IL 62701 Tax number 00-1234567"
        f" Date Nov. 30, 2026 Order {order.display_number} Customer Alice"
        " Paid with Visa ending in 4242"
        " Amounts Traveller Nov. 30, 2026 to Dec. 30, 2026"
        " Net $17.43 Tax ( 9% ) $1.57 Total $19.00"
    )


@pytest.mark.parametrize("page", PAGES)
def test_the_tax_has_the_name_that_the_market_had_at_the_purchase(
    as_alice: Client, alice: User, page: str
) -> None:
    order = make_order(alice)
    order.visit.market, order.language = "DE", "de"
    make_credit_note(make_receipt(order))
    MarketRules.objects.create(market="DE", tax_word={"de": "Mehrwertsteuer"})

    assert " MwSt. ( 9% ) $" in words(as_alice, page)


@pytest.mark.parametrize("page", [NOTE, f"{NOTE}file/"])
def test_a_credit_note_names_the_receipt(as_alice: Client, order: Order, page: str) -> None:
    text = words(as_alice, page)

    assert 'Credit note <bdi dir="ltr">C2026-000001</bdi>' in as_alice.get(page).text
    assert "For receipt 2026-000001" in text
    assert "Refunded to Visa ending in 4242" in text
    assert text.endswith("Net $4.59 Tax ( 9% ) $0.41 Refunded $5.00")


def test_what_they_say_survives_every_later_change(as_alice: Client, order: Order) -> None:
    before = [words(as_alice, page) for page in (RECEIPT, NOTE)]

    PlanText.objects.update(name="Explorer")
    PlanPrice.objects.update(minor_units=9900, tax_rate=0)
    Operator.objects.update(name="Osprey", legal_name="Osprey, Inc.", tax_number="1")
    User.objects.update(name="Alice Cooper")

    assert [words(as_alice, page) for page in (RECEIPT, NOTE)] == before


@pytest.mark.parametrize("page", PAGES)
def test_nobody_else_sees_them(as_alice: Client, bob: User, order: Order, page: str) -> None:
    stranger = Client()
    stranger.force_login(bob)

    assert as_alice.get(page).status_code == 200
    assert stranger.get(page).status_code == 404


@pytest.mark.parametrize("number", ["2026-000002", "2025-000001", "2026-1", "C", "9" * 40, "x"])
def test_a_number_that_there_is_not_is_not_found(
    as_alice: Client, order: Order, number: str
) -> None:
    assert as_alice.get(f"/account/receipts/{number}/").status_code == 404


def test_all_receipts_are_listed(as_alice: Client, order: Order) -> None:
    texts = [
        " ".join(html.unescape(re.sub("<[^>]*>", " ", row)).split())
        for row in re.findall(r"<li class=.orders-row.*?</li>", listed(as_alice), re.DOTALL)
    ]

    assert texts == [
        "Receipt 2026-000001 Traveller Nov. 30, 2026 $19.00",
        "Credit note C2026-000001 Traveller Nov. 30, 2026 $5.00",
    ]
    assert f'href="{RECEIPT}?next=%2Faccount%2Freceipts%2F"' in listed(as_alice)


def test_before_the_first_receipt_the_list_says_so(as_alice: Client) -> None:
    assert "You don't have a receipt yet." in html.unescape(listed(as_alice))


def test_a_list_with_more_receipts_needs_no_more_queries(
    as_alice: Client, alice: User, order: Order, settings: Settings
) -> None:
    settings.ORDER_LIMIT = settings.DEVICE_ORDER_LIMIT = 0
    listed(as_alice)
    with CaptureQueriesContext(connection) as one:
        listed(as_alice)
    for _ in range(2):
        make_credit_note(make_receipt(make_order(alice, plan=order.plan)))

    with CaptureQueriesContext(connection) as three:
        listed(as_alice)

    assert len(three) == len(one)


def test_a_receipt_leads_to_its_credit_notes(as_alice: Client, order: Order) -> None:
    assert f'href="{NOTE}"' in as_alice.get(RECEIPT).text


@pytest.mark.parametrize(
    ("page", "name"),
    [(RECEIPT, "receipt-2026-000001.html"), (NOTE, "credit-note-C2026-000001.html")],
)
def test_the_file_needs_nothing_else(as_alice: Client, order: Order, page: str, name: str) -> None:
    kept = as_alice.get(f"{page}file/")

    assert kept["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "<style>" in kept.text
    assert "size: A4" in kept.text
    assert not re.search(r"<script|<link|<img|src=|https?://|url\(", kept.text)


def test_back_leads_to_the_page_that_it_came_from(as_alice: Client, order: Order) -> None:
    page = f"/orders/{order.number}/"

    assert f'href="{page}">Back' in as_alice.get(f"{RECEIPT}?next={page}").text
    elsewhere = as_alice.get(f"{RECEIPT}?next=https://evil.example/").text
    assert "evil.example" not in re.findall(r"<a class=.button button-quiet.*?>", elsewhere)[0]


def test_in_arabic_it_reads_from_right_to_left(as_alice: Client, order: Order) -> None:
    as_alice.post("/language/", {"language": "ar"})

    kept = as_alice.get(f"{RECEIPT}file/").text

    assert '<html lang="ar" dir="rtl">' in kept
    assert "الرقم الضريبي" in kept
