"""The states of a payment, how it moves between them, and those of a page for a card."""

from enum import StrEnum


class PaymentState(StrEnum):
    # The customer has to confirm it at the bank.
    REQUIRES_ACTION = "requires_action"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


NEXT_STATES: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.REQUIRES_ACTION: frozenset(
        {PaymentState.AUTHORISED, PaymentState.DECLINED, PaymentState.VOIDED}
    ),
    PaymentState.AUTHORISED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED}),
    PaymentState.CAPTURED: frozenset({PaymentState.REFUNDED}),
    PaymentState.DECLINED: frozenset(),
    PaymentState.VOIDED: frozenset(),
    PaymentState.REFUNDED: frozenset(),
}

# What each action asks for.
ACTIONS = {
    "capture": PaymentState.CAPTURED,
    "void": PaymentState.VOIDED,
    "refund": PaymentState.REFUNDED,
}


class PageStatus(StrEnum):
    """What has become of a page on which a card can be typed."""

    OPEN = "open"
    TAKEN = "taken"
    REFUSED = "refused"
