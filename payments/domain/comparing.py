"""Compare a day of a gateway's books with the portal's rows. No gateway is asked here.

1. Each entry of the day must have its row, with the same amount, currency, day and fee.
2. Each charge, refund and dispute of the portal must have its entry by the end of its last possible
   day. What may have been booked before the first known day of the books is left out.
3. A payout must be the sum of the entries that it pays, less their fees.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, F, Min, Model, OuterRef, Q, QuerySet, Sum
from django.utils.timezone import now

from moportal.money import Money
from payments.domain import differences
from payments.domain.booked import AHEAD, BEHIND, Booked
from payments.domain.differences import Difference
from payments.models import BookDay, BookEntry, Dispute, GatewayCall, Payment, Refund
from payments.states import DifferenceKind, EntryKind, RefundState

Row = TypeVar("Row", bound=Model)
# The number of payments that are compared at once.
BATCH = 500
ONE_DAY = timedelta(days=1)


def compare_complete_days(gateway: str) -> None:
    """Compare each day that was not compared yet, from the first one to the first missing day."""
    days = BookDay.objects.filter(gateway=gateway).order_by("day")
    missing = days.filter(is_complete=False).first()
    waiting = days.filter(is_complete=True, compared_at=None)
    for day in waiting.filter(day__lt=missing.day) if missing else waiting:
        compare_day(day)


@transaction.atomic
def compare_day(day: BookDay) -> None:
    """Compare a complete day, and store the differences. Comparing it again changes nothing."""
    fresh = BookDay.objects.select_for_update().get(pk=day.pk)
    if not fresh.is_complete or fresh.compared_at is not None:
        return
    found = [*_compare_entries(fresh), *_compare_payouts(fresh), *_find_missing(fresh)]
    differences.store(day.gateway, day.day, found)
    fresh.compared_at = now()
    fresh.save(update_fields=["compared_at"])


def _compare_entries(day: BookDay) -> Iterator[Difference]:
    """Compare the day's entries, each together with all entries for its payment."""
    of_gateway = BookEntry.objects.filter(gateway=day.gateway).exclude(kind=EntryKind.PAYOUT)
    today = of_gateway.filter(booked_on=day.day)
    for entry in today.filter(gateway_id="").order_by("pk"):
        yield from Booked(day.day, None, [entry]).compare()
    ids = sorted(set(today.exclude(gateway_id="").values_list("gateway_id", flat=True)))
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        for one in _gather(day, of_gateway.filter(gateway_id__in=some), some):
            yield from one.compare()


def _gather(
    day: BookDay, entries: QuerySet[BookEntry], gateway_ids: Sequence[str]
) -> Iterator[Booked]:
    """Yield all entries of each of these payments, together with the payment's row."""
    grouped = defaultdict[str, list[BookEntry]](list)
    for entry in entries.order_by("pk"):
        grouped[entry.gateway_id].append(entry)
    rows = Payment.objects.filter(method__gateway=day.gateway, gateway_id__in=gateway_ids)
    rows = rows.prefetch_related("refunds", "disputes")
    payments = {payment.gateway_id: payment for payment in rows}
    captures = GatewayCall.objects.filter(payment__in=payments.values(), operation="capture")
    sent = dict(captures.values_list("payment").annotate(Min("sent_at")))
    for gateway_id, booked in grouped.items():
        payment = payments.get(gateway_id)
        yield Booked(day.day, payment, booked, sent.get(payment.pk) if payment else None)


def _compare_payouts(day: BookDay) -> Iterator[Difference]:
    """Compare each payout of the day with the sum of the entries that it pays.

    A payout without an id is left out: the gateway does not say which entries it pays.
    """
    of_gateway = BookEntry.objects.filter(gateway=day.gateway).exclude(payout_id="")
    for payout in of_gateway.filter(kind=EntryKind.PAYOUT, booked_on=day.day).order_by("pk"):
        same = of_gateway.filter(payout_id=payout.payout_id)
        is_first = not same.filter(kind=EntryKind.PAYOUT, pk__lt=payout.pk).exists()
        paid = same.filter(currency=payout.currency).exclude(kind=EntryKind.PAYOUT)
        net = paid.aggregate(net=Sum(F("minor_units") - F("fee_minor_units")))["net"] or 0
        left = payout.fee_minor_units - payout.minor_units
        subject, theirs = f"payout:{payout.entry_id}", Money(left, payout.currency)
        if not is_first:
            yield Difference(DifferenceKind.DOUBLED, subject, theirs=theirs)
        elif net != left:
            ours = Money(net, payout.currency)
            yield Difference(DifferenceKind.PAYOUT_SUM, subject, ours=ours, theirs=theirs)


def _find_missing(day: BookDay) -> Iterator[Difference]:
    """Find charges, refunds and disputes that have no entry by the end of their last day.

    The last day is the latest date that the entry may have in any time zone. What may have been
    booked before the first known day is left out.
    """
    # The day ends first in UTC+14, and the first known day begins last in UTC-12.
    ends = _midnight(day.day + ONE_DAY) - AHEAD
    began = _midnight(BookDay.objects.filter(gateway=day.gateway).earliest("day").day) + BEHIND
    entries = BookEntry.objects.filter(gateway=day.gateway)

    charges = entries.filter(kind=EntryKind.CHARGE, gateway_id=OuterRef("gateway_id"))
    of_gateway = Payment.objects.filter(method__gateway=day.gateway, created_at__gte=began)
    charged = of_gateway.filter(~Exists(charges))
    for payment in _on_last_day(charged, "captured_at", ends):
        subject = f"charge:{payment.key}"
        yield Difference(DifferenceKind.CHARGE_MISSING, subject, payment, ours=payment.amount)

    of_payments = Refund.objects.filter(payment__method__gateway=day.gateway, asked_at__gte=began)
    done = of_payments.filter(~_is_booked(entries), state=RefundState.DONE)
    for refund in _on_last_day(done.select_related("payment"), "ended_at", ends):
        subject, ours = f"refund:{refund.key}", -refund.amount
        yield Difference(DifferenceKind.REFUND_MISSING, subject, refund.payment, ours=ours)

    took = entries.filter(kind=EntryKind.DISPUTE, cause_id=OuterRef("gateway_id"))
    taken = Dispute.objects.filter(~Exists(took), gateway=day.gateway, taken_minor_units__gt=0)
    disputed = taken.filter(opened_at__gte=began).select_related("payment")
    for dispute in _on_last_day(disputed, "opened_at", ends):
        subject = f"dispute:{dispute.gateway_id}"
        yield Difference(
            DifferenceKind.DISPUTE_DIFFERS, subject, dispute.payment, ours=-dispute.taken
        )


def _on_last_day(rows: QuerySet[Row], column: str, ends: datetime) -> QuerySet[Row]:
    """Return the rows whose time in this column is within the day that ends at `ends`."""
    within = {f"{column}__gte": ends - ONE_DAY, f"{column}__lt": ends}
    return rows.filter(**within).order_by("pk")


def _is_booked(entries: QuerySet[BookEntry]) -> Q:
    """Return the condition that a refund has an entry with its id or, without an id, its amount."""
    of_payment = entries.filter(kind=EntryKind.REFUND, gateway_id=OuterRef("payment__gateway_id"))
    same_id = Q(Exists(of_payment.filter(cause_id=OuterRef("gateway_id"))))
    same_amount = Q(
        Exists(of_payment.annotate(given=-F("minor_units")).filter(given=OuterRef("minor_units")))
    )
    return ~Q(gateway_id="") & same_id | Q(gateway_id="") & same_amount


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
