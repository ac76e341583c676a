"""Receipts and credit notes: documents whose numbers have no gaps in each year."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from brand.queries import operator
from moportal.database.statements import execute_returning
from moportal.money import Money, TaxedPrice
from payments.models import (
    CreditNote,
    CreditNoteCounter,
    Payment,
    Receipt,
    ReceiptCounter,
    Refund,
    YearCounter,
)
from payments.states import MethodKind

# The first number of a year inserts the row; each later one locks it until its commit.
NEXT_NUMBER = """INSERT INTO {table} (year, last) VALUES (%s, 1)
    ON CONFLICT (year) DO UPDATE SET last = {table}.last + 1 RETURNING last"""


@dataclass(frozen=True)
class Sale:
    """What a payment pays for, in the words of its receipt.

    The room that sells it passes this on, because `payments` knows no plans. `item` is what the
    customer read, in the customer's language. `tax_rate` is in basis points. `tax_word` is what the
    market calls the tax, in the language of `item`; empty if it has no name.
    """

    buyer: User
    item: str
    price: TaxedPrice
    tax_rate: int
    tax_word: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def issue_receipt(payment: Payment, sale: Sale, *, at: datetime) -> Receipt | None:
    """Issue the payment's receipt, with the next number of the year of `at` in the billing zone.

    Call it only inside the transaction that completes what was paid for. The counter's row stays
    locked until the commit, so that the next completion waits, and a rollback leaves no gap.

    A payment on the operator's bill gets no receipt: the bill is its invoice.
    """
    if payment.method.kind == MethodKind.BILL:
        return None
    return Receipt.objects.create(
        payment=payment,
        buyer_name=sale.buyer.name or sale.buyer.username,
        item=sale.item,
        starts_on=_day(sale.starts_at),
        ends_on=_day(sale.ends_at),
        tax_rate=sale.tax_rate,
        tax_word=sale.tax_word,
        currency=payment.currency,
        **_amounts(sale.price.gross, sale.price.tax),
        **_seller(),
        **_next_number(ReceiptCounter, at),
    )


def issue_credit_note(refund: Refund, receipt: Receipt, *, at: datetime) -> CreditNote:
    """Issue the refund's credit note, which names the charge's receipt.

    Call it only inside the transaction that stores that the money is given back, with the payment's
    row locked: the tax depends on the credit notes before.
    """
    return CreditNote.objects.create(
        refund=refund,
        receipt=receipt,
        **_amounts(refund.amount, _tax_given_back(receipt, refund.amount)),
        **_seller(),
        **_next_number(CreditNoteCounter, at),
    )


def receipts_of(account: User) -> QuerySet[Receipt]:
    """Return the customer's receipts, newest first."""
    mine = Receipt.objects.filter(payment__method__account=account)
    return mine.select_related("payment__method").order_by("-pk")


def credit_notes_of(account: User) -> QuerySet[CreditNote]:
    """Return the customer's credit notes, newest first."""
    mine = CreditNote.objects.filter(receipt__payment__method__account=account)
    return mine.select_related("receipt__payment__method").order_by("-pk")


def message_context(document: Receipt | CreditNote) -> dict[str, Any]:
    """Return what a message says about the document (`templates/messages/_document.txt`)."""
    receipt = document.receipt if isinstance(document, CreditNote) else document
    return {
        "issued_on": document.issued_on,
        "seller": ", ".join([document.seller_name, *document.seller_address.splitlines()]),
        "seller_tax_number": document.seller_tax_number,
        "buyer": receipt.buyer_name,
        "starts_on": receipt.starts_on,
        "ends_on": receipt.ends_on,
        "net": document.net,
        "tax": document.tax,
        "tax_rate": receipt.tax_rate,
        "tax_word": receipt.tax_word,
        "receipt": str(receipt),
    }


def _tax_given_back(receipt: Receipt, amount: Money) -> Money:
    """Return the tax in this refund: that of all refunds so far, less that of the credit notes.

    So the credit notes of a whole charge have exactly the receipt's tax, in however many parts.
    """
    before = receipt.credit_notes.aggregate(
        gross=Coalesce(Sum("minor_units"), 0), tax=Coalesce(Sum("tax_minor_units"), 0)
    )
    price = TaxedPrice(receipt.gross, receipt.tax)
    together = price.tax_in(Money(before["gross"], receipt.currency) + amount)
    return together - Money(before["tax"], receipt.currency)


def _amounts(gross: Money, tax: Money) -> dict[str, int]:
    return {
        "minor_units": gross.minor_units,
        "net_minor_units": (gross - tax).minor_units,
        "tax_minor_units": tax.minor_units,
    }


def _seller() -> dict[str, str]:
    """Return the seller that staff have entered."""
    seller = operator()
    return {
        "seller_name": seller.seller_name,
        "seller_address": seller.legal_address,
        "seller_tax_number": seller.tax_number,
    }


def _next_number(counter: type[YearCounter], at: datetime) -> dict[str, Any]:
    """Count one up, and return the number with its day and year."""
    day = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).date()
    [(number,)] = execute_returning(NEXT_NUMBER.format(table=counter._meta.db_table), day.year)
    return {"issued_on": day, "year": day.year, "number": number}


def _day(at: datetime | None) -> date | None:
    """Return the day of this time in the operator's billing zone."""
    return None if at is None else at.astimezone(ZoneInfo(settings.BILLING_ZONE)).date()
