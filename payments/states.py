"""States of a payment, as data."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class PaymentState(TextChoices):
    """What has become of the money. Nothing moves before `authorised`; `captured` is the charge."""

    INTENDED = "intended", pgettext_lazy("payment state", "Intended")
    PENDING = "pending", pgettext_lazy("payment state", "Waiting for the customer")
    AUTHORISED = "authorised", pgettext_lazy("payment state", "Authorised")
    DECLINED = "declined", pgettext_lazy("payment state", "Declined")
    CAPTURED = "captured", pgettext_lazy("payment state", "Captured")
    REFUNDED = "refunded", pgettext_lazy("payment state", "Refunded")
    VOIDED = "voided", pgettext_lazy("payment state", "Voided")


NEXT_STATES: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.INTENDED: frozenset(
        {
            PaymentState.PENDING,
            PaymentState.AUTHORISED,
            PaymentState.DECLINED,
            PaymentState.VOIDED,
        }
    ),
    # Some providers charge with the bank's step; we find that out by asking.
    PaymentState.PENDING: frozenset(
        {
            PaymentState.AUTHORISED,
            PaymentState.DECLINED,
            PaymentState.CAPTURED,
            PaymentState.VOIDED,
        }
    ),
    PaymentState.AUTHORISED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED}),
    PaymentState.DECLINED: frozenset(),
    PaymentState.CAPTURED: frozenset({PaymentState.REFUNDED}),
    PaymentState.REFUNDED: frozenset(),
    PaymentState.VOIDED: frozenset(),
}
