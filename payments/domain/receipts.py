"""Receipts: each year's numbers have no gaps."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from moportal.statements import execute_returning
from payments.models import Payment, Receipt

# The first receipt of a year inserts the row; each later one locks it until its commit.
COUNT = """INSERT INTO payments_receiptcounter (year, last) VALUES (%s, 1)
    ON CONFLICT (year) DO UPDATE SET last = payments_receiptcounter.last + 1 RETURNING last"""


def issue_receipt(payment: Payment, *, at: datetime) -> Receipt:
    """Give the payment the next receipt number of the year of `at` in the billing zone.

    Call it only inside the transaction that completes what was paid for. The counter's row stays
    locked until the commit, so that the next completion waits, and a rollback leaves no gap.
    """
    year = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).year
    [(number,)] = execute_returning(COUNT, year)
    return Receipt.objects.create(payment=payment, year=year, number=number)
