"""Deletion of payments and of gateways' books once BOOKS_YEARS are over."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now

from payments.models import (
    BookDay,
    BookDifference,
    BookEntry,
    CreditNote,
    DisputeAnswer,
    Payment,
    Receipt,
)

BATCH = 1000
LONGEST_YEAR = timedelta(days=366)


def books_begin() -> datetime:
    """Return the earliest time of sales that the operator's books still need."""
    return now() - settings.BOOKS_YEARS * LONGEST_YEAR


def delete_payment(payment: Payment) -> None:
    """Delete the payment with all rows about it: receipt, refunds, disputes, calls."""
    CreditNote.objects.filter(refund__payment=payment).delete()
    Receipt.objects.filter(payment=payment).delete()
    DisputeAnswer.objects.filter(dispute__payment=payment).delete()
    paid = (payment.disputes, payment.refunds, payment.calls, payment.events, payment.typed_codes)
    reported = (payment.fraud_warnings, payment.stopped_devices, payment.book_differences)
    for rows in (*paid, *reported):
        rows.all().delete()
    payment.delete()


def delete_old_entries() -> int:
    """Delete a batch of entries of the gateways' books older than BOOKS_YEARS. Return how many."""
    return _delete_batch(BookEntry.objects.filter(booked_on__lt=books_begin().date()))


def delete_old_days() -> int:
    """Delete a batch of days of the gateways' books older than BOOKS_YEARS. Return how many."""
    return _delete_batch(BookDay.objects.filter(day__lt=books_begin().date()))


def delete_old_differences() -> int:
    """Delete a batch of settled differences older than BOOKS_YEARS, and return how many."""
    settled = BookDifference.objects.exclude(settled_at=None)
    return _delete_batch(settled.filter(day__lt=books_begin().date()))


def _delete_batch(rows: QuerySet[Any]) -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    rows.model._default_manager.filter(pk__in=keys).delete()  # noqa: SLF001 -- documented
    return len(keys)
