"""The states of a payment, the moves between them, and the states of a card page."""

from enum import StrEnum


class PaymentState(StrEnum):
    # The customer must confirm the payment at the bank.
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

# The state to which each action leads. A refund of a part leaves the payment captured.
ACTIONS = {
    "capture": PaymentState.CAPTURED,
    "void": PaymentState.VOIDED,
    "refund": PaymentState.REFUNDED,
}


class RefundStatus(StrEnum):
    """The status of money that is given back."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class DisputeKind(StrEnum):
    """What the customer's bank asks: an inquiry takes no money yet."""

    INQUIRY = "inquiry"
    DISPUTE = "dispute"


class DisputeStatus(StrEnum):
    """How far a dispute has come."""

    NEEDS_ANSWER = "needs_answer"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class PageStatus(StrEnum):
    """The status of a page on which a card can be entered."""

    OPEN = "open"
    TAKEN = "taken"
    REFUSED = "refused"
