"""Receipts, numbered without gaps year by year."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F

from orders.models import Order, Receipt, ReceiptCounter


def give_number(order: Order, *, at: datetime) -> Receipt:
    """Give the order the next receipt number of the year of `at` in the operator's billing zone.

    Only inside the transaction that completes the order: the counter's row is held until it is
    committed, so that the next one waits, and a transaction that is undone leaves no gap.
    """
    year = at.astimezone(ZoneInfo(settings.BILLING_ZONE)).year
    counter = ReceiptCounter.objects.filter(year=year)
    if not counter.update(last=F("last") + 1):
        # The year's first. Whoever else makes the row meanwhile, both count on it.
        ReceiptCounter.objects.get_or_create(year=year)
        counter.update(last=F("last") + 1)
    number = counter.get().last
    return Receipt.objects.create(order=order, year=year, number=number)
