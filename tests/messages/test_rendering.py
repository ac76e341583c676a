"""`messages.rendering`: every occasion has its words, in every language and on every channel."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.conf import settings

from brand.models import Operator
from messages.rendering import render
from messages.states import Channel, Occasion
from moportal.money import Money
from tests.builders import make_operator

LANGUAGES = [code for code, _name in settings.LANGUAGES]
# An SMS of two parts. A text with characters outside of GSM 03.38 has 67 to a part.
LONGEST_SMS = 2 * 153
CONTEXT: dict[str, Any] = {
    "refunded": Money(500, "USD"),
    "old": Money(1900, "USD"),
    "new": Money(2100, "USD"),
    "name": "Noor <b>",
    "number": "ABCDE-12345",
    "plan": "Traveller & Co",
    "new_plan": "Small & Co",
    "total": Money(1900, "USD"),
    "tax": Money(157, "USD"),
    "brand": "Visa",
    "last4": "4242",
    "old_last4": "4242",
    "new_last4": "1111",
    "receipt": "2026-000001",
    "issued_on": date(2026, 11, 29),
    "seller": "Kestrel Mobile, Inc., 100 Example Avenue, Springfield, IL 62701",
    "seller_tax_number": "00-1234567",
    "buyer": "Noor <b>",
    "starts_on": date(2026, 11, 29),
    "ends_on": date(2026, 12, 29),
    "net": Money(1743, "USD"),
    "tax_rate": 900,
    "completed_at": datetime(2026, 11, 29, 12, tzinfo=UTC),
    "code": "QXZW-7305",
    "minutes": 10,
    "at": datetime(2026, 11, 29, 12, tzinfo=UTC),
    "starts_at": datetime(2026, 11, 29, 12, tzinfo=UTC),
    "ends_at": datetime(2026, 12, 29, 12, tzinfo=UTC),
    "left_bytes": 10**9,
    "total_bytes": 5 * 10**9,
    "until": datetime(2026, 12, 6, 12, tzinfo=UTC),
    "due_at": datetime(2026, 12, 6, 12, tzinfo=UTC),
    "device": "Edge, Windows",
    "address": "noor@example.com",
    "hours": 24,
    "contract": "ABCDE-12345",
    "declared_at": datetime(2026, 11, 29, 12, tzinfo=UTC),
    "reference": "0123456789",
    "provider": "Kestrel ID",
    "answer": "We know no such order.",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kestrel(db: None) -> Operator:
    return make_operator()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("occasion", Occasion)
def test_every_occasion_has_its_words(occasion: Occasion, language: str) -> None:
    mail = render(occasion, CONTEXT, language=language)
    sms = render(occasion, CONTEXT, language=language, channel=Channel.SMS)

    assert "Kestrel Mobile" in mail.subject
    assert "\n" not in mail.subject + sms.text
    assert sms.text.startswith("Kestrel Mobile: ")
    assert len(sms.text) < LONGEST_SMS
    for text in (mail.subject, mail.text, sms.text):
        assert not re.search(r"https?://|&amp;|&lt;|%\(|\{|  ", text)
    assert "Noor <b>" in mail.text
    assert "+1 555 0142" in mail.text
    assert "help@kestrel.example" in mail.text
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("occasion", Occasion)
def test_no_language_is_left_in_english(occasion: Occasion) -> None:
    subjects = {render(occasion, CONTEXT, language=language).subject for language in LANGUAGES}

    assert len(subjects) == len(LANGUAGES)


def test_a_confirmation_has_everything_that_a_receipt_needs() -> None:
    words = render(Occasion.ORDER_CONFIRMED, CONTEXT, language="en")

    assert words.text.splitlines()[2:17] == [
        "Your order is complete. This is your receipt.",
        "",
        "Order: ABCDE-12345",
        "Receipt: 2026-000001",
        "Date: Nov. 29, 2026",
        "Seller: Kestrel Mobile, Inc., 100 Example Avenue, Springfield, IL 62701",
        "Tax number: 00-1234567",
        "Customer: Noor <b>",
        "Plan: Traveller & Co",
        "Period: Nov. 29, 2026 to Dec. 29, 2026",
        "Net: $17.43",
        "Tax (9%): $1.57",
        "Total: $19.00",
        "Paid by: Visa ending in 4242",
        "",
    ]


def test_a_confirmation_on_the_operators_bill_is_no_receipt() -> None:
    context = {**CONTEXT, "receipt": "", "kind": "bill", "brand": ""}

    words = render(Occasion.ORDER_CONFIRMED, context, language="en")

    assert words.text.splitlines()[2:12] == [
        "Your order is complete. It is on your phone bill, and the bill is your invoice.",
        "",
        "Order: ABCDE-12345",
        "Date: Nov. 29, 2026",
        "Plan: Traveller & Co",
        "Total: $19.00",
        "Tax in the total: $1.57",
        "Paid on the bill for the number ending in 4242",
        "",
        "Your plan is in your account in our portal.",
    ]


@pytest.mark.parametrize(
    ("receipt", "line"),
    [("2026-000001", "Consumption tax (9%): $1.57"), ("", "Consumption tax in the total: $1.57")],
)
def test_a_confirmation_gives_the_tax_its_name_in_the_market(receipt: str, line: str) -> None:
    context = {**CONTEXT, "receipt": receipt, "tax_word": "consumption tax"}

    assert line in render(Occasion.ORDER_CONFIRMED, context, language="en").text.splitlines()


@pytest.mark.parametrize("occasion", [Occasion.PART_REFUNDED, Occasion.ORDER_REFUNDED])
def test_a_refund_has_everything_that_a_credit_note_needs(occasion: Occasion) -> None:
    note = {"credit_note": "C2026-000001", "credited": Money(500, "USD")}
    amounts = {"net": Money(459, "USD"), "tax": Money(41, "USD")}

    text = render(occasion, {**CONTEXT, **note, **amounts}, language="en").text

    assert (
        "Credit note: C2026-000001\n"
        "For the receipt: 2026-000001\n"
        "Date: Nov. 29, 2026\n"
        "Seller: Kestrel Mobile, Inc., 100 Example Avenue, Springfield, IL 62701\n"
        "Tax number: 00-1234567\n"
        "Customer: Noor <b>\n"
        "Plan: Traveller & Co\n"
        "Period: Nov. 29, 2026 to Dec. 29, 2026\n"
        "Net: $4.59\n"
        "Tax (9%): $0.41\n"
        "Total: $5.00\n"
    ) in text
    assert "Credit note" not in render(occasion, CONTEXT, language="en").text


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("is_charged", "We are giving back the $19.00 that you paid."),
        ("is_refused", "Your payment was declined. You were not charged."),
        ("neither", "You were not charged. You can order again in our portal."),
    ],
)
def test_a_failed_order_says_what_becomes_of_the_money(fact: str, said: str) -> None:
    context = {**CONTEXT, fact: True}

    assert said in render(Occasion.ORDER_FAILED, context, language="en").text


def test_an_account_without_a_name_is_greeted_all_the_same() -> None:
    words = render(Occasion.ORDER_CANCELLED, {**CONTEXT, "name": ""}, language="en")

    assert words.text.startswith("Hello,\n")


def test_support_that_has_no_address_is_left_out() -> None:
    Operator.objects.update(support_phone="", support_email="")

    words = render(Occasion.ORDER_CANCELLED, CONTEXT, language="en")

    assert "Call" not in words.text
    assert "Write" not in words.text


def test_an_unknown_browser_is_left_out() -> None:
    words = render(Occasion.NEW_SIGN_IN, {**CONTEXT, "device": ""}, language="en")

    assert "Time: 11/29/2026 noon UTC" in words.text
    assert "Browser" not in words.text
