"""What receipts and credit notes say: stored when they are issued, and never changed later."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from accounts.models import User
from brand.models import Operator
from moportal.money import Money, TaxedPrice
from payments.domain.receipts import issue_credit_note, issue_receipt
from payments.models import CreditNote, Payment, Receipt
from payments.states import RefundKind
from tests.builders import make_operator, make_order, payment_of
from tests.payments.conftest import sale_of

AT = datetime(2026, 11, 30, 20, tzinfo=UTC)
END = datetime(2026, 12, 30, 20, tzinfo=UTC)


@pytest.fixture
def payment(alice: User) -> Payment:
    """Return a payment of Alice's over $19.00, which has 9 % tax in it."""
    make_operator()
    return payment_of(make_order(alice))


def issued(payment: Payment, **changes: Any) -> Receipt:
    """Issue the payment's receipt, and return it as it is stored."""
    issue_receipt(payment, sale_of(payment, **changes), at=AT)
    return Receipt.objects.get(payment=payment)


def test_a_receipt_names_seller_buyer_item_and_amounts(payment: Payment) -> None:
    receipt = issued(payment, starts_at=AT, ends_at=END)

    assert str(receipt) == "2026-000001"
    assert receipt.seller_name == "Kestrel Mobile, Inc."
    assert receipt.seller_address == "100 Example Avenue\nSpringfield, IL 62701"
    assert receipt.seller_tax_number == "00-1234567"
    assert (receipt.buyer_name, receipt.item) == ("Alice", "Traveller")
    assert (receipt.starts_on, receipt.ends_on) == (date(2026, 11, 30), date(2026, 12, 30))
    assert [str(one) for one in (receipt.net, receipt.tax, receipt.gross)] == [
        "$17.43",
        "$1.57",
        "$19.00",
    ]
    assert receipt.tax_rate == 900


def test_its_days_are_those_of_the_billing_zone(payment: Payment, settings: Settings) -> None:
    settings.BILLING_ZONE = "Asia/Tokyo"

    receipt = issued(payment, starts_at=AT, ends_at=END)

    assert (receipt.issued_on, receipt.starts_on) == (date(2026, 12, 1), date(2026, 12, 1))
    assert receipt.ends_on == date(2026, 12, 31)


def test_a_buyer_without_a_name_is_named_by_the_identifier(payment: Payment) -> None:
    buyer = payment.method.account
    buyer.name = ""

    assert issued(payment, buyer=buyer).buyer_name == "alice@example.com"


def test_what_is_no_plan_has_no_days(payment: Payment) -> None:
    receipt = issued(payment)

    assert (receipt.starts_on, receipt.ends_on) == (None, None)


def test_a_receipt_over_another_amount_than_the_payments_is_refused(payment: Payment) -> None:
    less = TaxedPrice(Money(1800, "USD"), Money(0, "USD"))

    with pytest.raises(Exception, match="receipt_is_over_what_was_paid"), transaction.atomic():
        issued(payment, price=less)


def give_back(payment: Payment, *parts: int) -> list[CreditNote]:
    """Return the credit notes of refunds in these parts."""
    notes = []
    for minor_units in parts:
        refund = payment.refunds.create(
            minor_units=minor_units,
            kind=RefundKind.GOODWILL,
            reason="slow",
            state="done",
            ended_at=AT,
        )
        notes.append(issue_credit_note(refund, payment.receipt, at=AT))
    return notes


def test_a_credit_note_names_the_receipt_in_a_series_of_its_own(payment: Payment) -> None:
    receipt = issued(payment)

    (note,) = give_back(payment, 500)

    assert (str(note), str(note.receipt)) == ("C2026-000001", str(receipt))
    assert [str(one) for one in (note.net, note.tax, note.gross)] == ["$4.59", "$0.41", "$5.00"]


@pytest.mark.parametrize(
    "parts", [(1900,), (950, 950), (1, 1899), (633, 633, 634), (60,) * 31 + (40,)]
)
def test_the_credit_notes_of_a_whole_charge_add_up_to_its_receipt(
    payment: Payment, parts: tuple[int, ...]
) -> None:
    receipt = issued(payment)

    notes = give_back(payment, *parts)

    assert sum(note.tax_minor_units for note in notes) == receipt.tax_minor_units
    assert sum(note.net_minor_units for note in notes) == receipt.net_minor_units


def test_a_credit_note_names_the_seller_of_its_own_day(payment: Payment) -> None:
    receipt = issued(payment)
    Operator.objects.update(legal_name="Kestrel Holding, Inc.", tax_number="00-7654321")

    (note,) = give_back(payment, 500)

    receipt.refresh_from_db()
    assert (receipt.seller_name, note.seller_name) == (
        "Kestrel Mobile, Inc.",
        "Kestrel Holding, Inc.",
    )
    assert (receipt.seller_tax_number, note.seller_tax_number) == ("00-1234567", "00-7654321")
