"""What a gateway says about disputes and early fraud warnings."""

from dataclasses import dataclass
from datetime import datetime

from moportal.money import Money
from payments.states import DisputeKind, DisputeState


@dataclass(frozen=True)
class DisputeStanding:
    """How a dispute or an inquiry stands at the gateway.

    `payment_id` is the gateway's id of the disputed payment. `amount` is what the customer wants
    back: all or a part of the charge. `taken` is what the gateway has taken from the operator for
    it by now, without the fee: nothing for an inquiry, and nothing for a dispute that is won.
    After `due_at` a dispute without an answer is lost; None where the gateway names no time.
    """

    dispute_id: str
    payment_id: str
    kind: DisputeKind
    state: DisputeState
    reason: str
    is_fraud: bool
    amount: Money
    taken: Money
    fee: Money
    due_at: datetime | None = None


@dataclass(frozen=True)
class FraudWarned:
    """The customer's bank reports a payment as fraud. It has taken no money yet."""

    warning_id: str
    payment_id: str
    reason: str
