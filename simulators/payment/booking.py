"""What the provider books for a payment: its charge, refunds, disputes and fees."""

from simulators import ledger
from simulators.payment.states import DisputeKind, DisputeStatus, PaymentState, RefundStatus
from simulators.store import Store

# What the provider keeps of a charge: 2.9 % and 30 minor units.
FEE_RATE, FEE_FIXED = 29, 30


def fee_of(amount: int) -> int:
    """Return the provider's fee for a charge in minor units, rounded half up."""
    return (amount * FEE_RATE + 500) // 1000 + FEE_FIXED


def book_payment(store: Store, identifier: str) -> None:
    """Add to the ledger what the payment, its refunds and its disputes say, and what it lacks."""
    [payment] = store.execute("SELECT * FROM payment WHERE id = ?", identifier)
    known = {name: payment[name] for name in ("id", "currency", "reference")}
    was_charged = payment["status"] in {PaymentState.CAPTURED, PaymentState.REFUNDED}
    due = payment["amount"] if was_charged else 0
    ledger.book(store, "charge", known, due=due, fee=fee_of(due))
    for refund in store.execute("SELECT * FROM refund WHERE payment = ?", identifier):
        due = 0 if refund["status"] == RefundStatus.FAILED else -refund["amount"]
        ledger.book(store, "refund", known, due=due, cause=refund["id"])
    for dispute in store.execute("SELECT * FROM dispute WHERE payment = ?", identifier):
        is_taken = dispute["kind"] == DisputeKind.DISPUTE and dispute["status"] != DisputeStatus.WON
        due = -dispute["amount"] if is_taken else 0
        ledger.book(store, "dispute", known, due=due, cause=dispute["id"])
        # The fee of a dispute that was won is not given back.
        ledger.book(store, "fee", known, due=-dispute["fee"], cause=dispute["id"])
