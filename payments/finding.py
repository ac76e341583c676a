"""How the desk finds payments and refunds."""

import re
from collections.abc import Iterator

from django.db.models import QuerySet

from moportal.finding import Kind, Typed, day
from moportal.text.normal_text import normalise_number
from payments.models import CreditNote, Payment, Receipt, Refund

_DOCUMENT = re.compile(r"(C?)([0-9]{4})-?([0-9]{6,9})")


def _number(typed: Typed, prefix: str) -> dict[str, int] | None:
    """Return year and number of a receipt, or with the prefix C of a credit note."""
    found = _DOCUMENT.fullmatch(normalise_number(typed.text).upper())
    if found is None or found[1] != prefix:
        return None
    return {"year": int(found[2]), "number": int(found[3])}


def _by_receipt(typed: Typed) -> QuerySet[Payment]:
    number = _number(typed, "")
    if number is None:
        return Payment.objects.none()
    return Payment.objects.filter(pk__in=Receipt.objects.filter(**number).values("payment"))


def _by_gateway_id(typed: Typed) -> QuerySet[Payment]:
    return Payment.objects.filter(gateway_id=typed.text)


def _by_reference(typed: Typed) -> QuerySet[Payment]:
    """Find by the number that the gateway was shown: the order's, with or without its dash."""
    references = {typed.text, typed.compact.upper()}
    return Payment.objects.filter(reference__in=references)


def _by_credit_note(typed: Typed) -> QuerySet[Refund]:
    number = _number(typed, "C")
    if number is None:
        return Refund.objects.none()
    refunds = CreditNote.objects.filter(**number).values("refund")
    return Refund.objects.filter(pk__in=refunds).select_related("payment")


def _facts_of_payment(payment: Payment) -> Iterator[str]:
    yield payment.get_state_display()
    yield day(payment.created_at)
    yield str(payment.amount)


def _facts_of_refund(refund: Refund) -> Iterator[str]:
    yield refund.get_state_display()
    yield day(refund.asked_at)
    yield str(refund.amount)


KINDS = (
    Kind("Payments", Payment, (_by_receipt, _by_gateway_id), _facts_of_payment, (_by_reference,)),
    Kind("Refunds", Refund, (_by_credit_note,), _facts_of_refund),
)
