"""Receipts, numbered without gaps year by year."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from moportal.statements import execute_returning
from orders.models import Order, Receipt

# Counts on and holds the row until the commit; the year's first makes it.
COUNT = """INSERT INTO orders_receiptcounter (year, last) VALUES (%s, 1)
    ON CONFLICT (year) DO UPDATE SET last = orders_receiptcounter.last + 1 RETURNING last"""


def give_number(order: Order, *, at: datetime) -> Receipt:
    """Give the order the next receipt number of the year of `at` in the operator's billing zone.

    Only inside the transaction that completes the order: the counter's row is held until it is
    committed, so that the next one waits, and a transaction that is undone leaves no gap.
    """
    year = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).year
    [(number,)] = execute_returning(COUNT, year)
    return Receipt.objects.create(order=order, year=year, number=number)
