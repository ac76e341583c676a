"""The states of a payment and how it moves between them."""

from enum import StrEnum


class PaymentState(StrEnum):
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


NEXT_STATES: dict[PaymentState, frozenset[PaymentState]] = {
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
