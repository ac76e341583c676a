"""Receipts: each year's numbers have no gaps."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from moportal.database.statements import execute_returning
from payments.models import Payment, Receipt, ReceiptCounter

# The first receipt of a year inserts the row; each later one locks it until its commit.
TABLE = ReceiptCounter._meta.db_table
NEXT_NUMBER = f"""INSERT INTO {TABLE} (year, last) VALUES (%s, 1)
    ON CONFLICT (year) DO UPDATE SET last = {TABLE}.last + 1 RETURNING last"""  # noqa: S608 -- the name of a table of the product


def issue_receipt(payment: Payment, *, at: datetime) -> Receipt:
    """Give the payment the next receipt number of the year of `at` in the billing zone.

    Call it only inside the transaction that completes what was paid for. The
    counter's row stays locked until the commit, so that the next completion
    waits, and a rollback leaves no gap.
    """
    year = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).year
    [(number,)] = execute_returning(NEXT_NUMBER, year)
    return Receipt.objects.create(payment=payment, year=year, number=number)
