"""`accounts.identifier`: one customer has one identifier, however it is typed."""

import csv
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.identifier import normalise, validate_identifier
from accounts.models import User
from mobileplans.models import LpaReport
from payments.models import CardPage
from subscriptions.models import Line
from tests.builders import make_operator, make_order
from tests.conftest import PASSWORD

with Path(__file__).with_name("identifiers.tsv").open(encoding="utf-8") as table:
    CASES = [
        (row["typed"], row["market"], row["normal"])
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
    ]


@pytest.mark.parametrize(("typed", "market", "normal"), CASES)
def test_an_identifier_has_one_normal_form(typed: str, market: str, normal: str) -> None:
    assert normalise(typed, market) == normal
    validate_identifier(normal)


@pytest.mark.parametrize(
    ("typed", "market", "normal"),
    [
        ("0044 (20) 7946-0018", "US", "+442079460018"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("442079460018", "US", "+442079460018"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("391 234 5678", "IT", "+393912345678"),
        ("+44 20 7946 0018", "", "+442079460018"),
        ("+44 20 7946 0018", "QQ", "+442079460018"),
        (
            "\u0660\u0661\u0665\u0661 \u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
            "DE",
            "+4915123456789",
        ),
        ("Stra\u00dfe@example.com", "", "stra\u00dfe@example.com"),
        ("ada\uff20example\u3002com", "", "ada@example.com"),
        ("ada@b\u00fccher.example", "", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "", "ada@xn--bcher-kva.example"),
        ("ada@example.com\u200d", "", "ada@example.com"),
        (
            "ada@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example",
            "",
            "ada@xn--mgba3gch31f060k.example",
        ),
        ("Clara", "", "clara"),
    ],
)
def test_other_spellings_have_the_same_form(typed: str, market: str, normal: str) -> None:
    assert normalise(typed, market) == normal


@given(st.text() | st.text("+0123456789 ()-"), st.sampled_from(["DE", "US", "IT", ""]))
def test_the_normal_form_is_final(text: str, market: str) -> None:
    normal = normalise(text, market)

    assert normalise(normal, market) == normalise(normal) == normal


@pytest.mark.parametrize(
    "text",
    ["nobody", "123456", "110", "1-800-FLOWERS", "a@\u2603.example", "\u00e4@example.com", "@"],
)
def test_what_is_neither_an_address_nor_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_identifier(normalise(text, "US"))


def test_a_customer_signs_in_however_the_number_and_password_are_typed(
    client: Client, db: None
) -> None:
    make_operator(default_market="DE")
    composed, decomposed = "caf\u00e9 \u00e9toile", "cafe\u0301\u00a0e\u0301toile\u200b"
    client.post("/sign-up/", {"username": "0151 23456789", "name": "Ada", "password": composed})

    for typed in ("+49 (0)151 23456789", "\uff10\uff11\uff15\uff11\u201323456789", "4915123456789"):
        browser = Client()
        browser.post("/sign-in/", {"username": typed, "password": decomposed})
        assert browser.session.get("_auth_user_id") == str(User.objects.get().pk), typed

    client.post("/sign-up/", {"username": "+4915123456789", "name": "B", "password": PASSWORD})
    assert "Sign in instead" in client.get("/sign-up/").text


def test_the_market_of_the_visit_decides_how_a_number_is_read(client: Client, db: None) -> None:
    make_operator(default_market="US")
    client.get("/?market=GB")
    client.post("/sign-up/", {"username": "020 7946 0018", "name": "Ada", "password": PASSWORD})

    assert User.objects.get().username == "+442079460018"


def test_a_weak_password_is_refused_in_every_form(client: Client, db: None) -> None:
    make_operator()
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "password")
    client.post("/sign-up/", {"username": "a@example.com", "name": "Ada", "password": wide})

    assert "too common" in client.get("/sign-up/").text


def test_the_desk_stores_the_normal_form(db: None) -> None:
    user = User(username=" Ada@Example.COM\u200b", name="Ada", password="!")
    user.full_clean()

    assert user.username == "ada@example.com"


@pytest.mark.parametrize(
    "page",
    [
        "accounts/user",
        "orders/order",
        "mobileplans/lpareport",
        "subscriptions/line",
        "payments/cardpage",
    ],
)
@pytest.mark.parametrize("term", ["0151 23456789", "+49 (0)151\u201323456789", "+4915123456789"])
def test_the_desk_finds_a_customer_by_any_spelling(
    client: Client, clara: User, page: str, term: str
) -> None:
    make_operator(default_market="DE")
    customer = User.objects.create_user("+4915123456789", PASSWORD, name="Ada")
    order = make_order(customer)
    Line.objects.get_or_create(account=customer)
    CardPage.objects.create(
        account=customer, gateway="simulator", key=uuid4(), return_url="https://portal.example/"
    )
    LpaReport.objects.create(visit=order.visit, code="CardBusy", code_as_sent="CardBusy")
    client.force_login(clara)

    found = client.get(f"/admin/{page}/", {"q": term}).context["cl"]
    others = client.get(f"/admin/{page}/", {"q": "0151 23456780"}).context["cl"]

    assert (found.result_count, others.result_count) == (1, 0)
