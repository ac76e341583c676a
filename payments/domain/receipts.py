"""Receipts and credit notes: each year's numbers have no gaps."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from moportal.database.statements import execute_returning
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


def issue_receipt(payment: Payment, *, at: datetime) -> Receipt | None:
    """Give the payment the next receipt number of the year of `at` in the billing zone.

    A payment on the operator's bill gets none: the bill is its invoice.

    Call it only inside the transaction that completes what was paid for. The
    counter's row stays locked until the commit, so that the next completion
    waits, and a rollback leaves no gap.
    """
    if payment.method.kind == MethodKind.BILL:
        return None
    year, number = _next_number(ReceiptCounter, at)
    return Receipt.objects.create(payment=payment, year=year, number=number)


def issue_credit_note(refund: Refund, *, at: datetime) -> CreditNote:
    """Give the refund the next credit note's number, likewise.

    Call it only inside the transaction that stores that the money is given back.
    """
    year, number = _next_number(CreditNoteCounter, at)
    return CreditNote.objects.create(refund=refund, year=year, number=number)


def _next_number(counter: type[YearCounter], at: datetime) -> tuple[int, int]:
    """Count one up, and return the year and the number."""
    year = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).year
    [(number,)] = execute_returning(NEXT_NUMBER.format(table=counter._meta.db_table), year)
    return year, number
