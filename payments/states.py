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
    PaymentState.PENDING: frozenset(
        {PaymentState.AUTHORISED, PaymentState.DECLINED, PaymentState.VOIDED}
    ),
    PaymentState.AUTHORISED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED}),
    PaymentState.DECLINED: frozenset(),
    PaymentState.CAPTURED: frozenset(),
    PaymentState.VOIDED: frozenset(),
}
