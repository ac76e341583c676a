"""States of a payment, and of a page on which a card is typed, as data."""

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


class RefundState(TextChoices):
    """What has become of giving money back; everything but `asked` is an end."""

    ASKED = "asked", pgettext_lazy("refund state", "In progress")
    DONE = "done", pgettext_lazy("refund state", "Paid back")
    # The gateway refused for good. Asking again is a new refund, with a key of its own.
    REFUSED = "refused", pgettext_lazy("refund state", "Refused by the gateway")


NEXT_REFUND_STATES: dict[RefundState, frozenset[RefundState]] = {
    RefundState.ASKED: frozenset({RefundState.DONE, RefundState.REFUSED}),
    RefundState.DONE: frozenset(),
    RefundState.REFUSED: frozenset(),
}


class CardPageState(TextChoices):
    """How far typing a new card at the gateway is."""

    # Ours to have opened.
    INTENDED = "intended", pgettext_lazy("card page state", "Being opened")
    # The customer's to type a card on.
    OPEN = "open", pgettext_lazy("card page state", "Open")
    TAKEN = "taken", pgettext_lazy("card page state", "Card stored")
    REFUSED = "refused", pgettext_lazy("card page state", "No card")
    LAPSED = "lapsed", pgettext_lazy("card page state", "Run out")


PAGE_UNDER_WAY = frozenset({CardPageState.INTENDED, CardPageState.OPEN})
NEXT_PAGE_STATES: dict[CardPageState, frozenset[CardPageState]] = {
    CardPageState.INTENDED: frozenset(
        {CardPageState.OPEN, CardPageState.REFUSED, CardPageState.LAPSED}
    ),
    CardPageState.OPEN: frozenset(
        {CardPageState.TAKEN, CardPageState.REFUSED, CardPageState.LAPSED}
    ),
    CardPageState.TAKEN: frozenset(),
    CardPageState.REFUSED: frozenset(),
    # Who comes back late may have typed a card all the same: the gateway is asked once more.
    CardPageState.LAPSED: frozenset({CardPageState.OPEN}),
}
