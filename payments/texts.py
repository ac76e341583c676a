"""What staff read about a difference in a gateway's books: what it means, and what to do."""

from typing import NamedTuple

from payments.states import DifferenceKind


class Explanation(NamedTuple):
    """What a kind of difference means, and what staff do about it."""

    meaning: str
    remedy: str


EXPLANATIONS = {
    DifferenceKind.CHARGE_UNKNOWN: Explanation(
        "The gateway has charged a customer, and the portal does not count this payment as "
        "charged.",
        "Find the reference among the orders. If no order was paid with it, refund it at "
        "the gateway.",
    ),
    DifferenceKind.CHARGE_MISSING: Explanation(
        "The portal counts a payment as charged, and the gateway has not booked it.",
        "Look the payment up at the gateway. If it is not charged there, the order was not "
        "paid: ask the customer to pay, or end the plan. If it is charged there, ask the "
        "gateway for the missing entry.",
    ),
    DifferenceKind.REFUND_UNKNOWN: Explanation(
        "The gateway has given money back, and the portal has no such refund.",
        "Ask who refunded it at the gateway. Decide whether the plan of the order should "
        "end, and write a credit note if the law wants one.",
    ),
    DifferenceKind.REFUND_MISSING: Explanation(
        "The portal counts money as given back, and the gateway has not booked it.",
        "Look the refund up at the gateway. If it was not made there, refund the customer there.",
    ),
    DifferenceKind.DISPUTE_DIFFERS: Explanation(
        "The gateway has lost a different amount by disputes than the portal has stored.",
        "Look at the payment's disputes at the gateway, and answer one that is open in time.",
    ),
    DifferenceKind.WRONG_AMOUNT: Explanation(
        "The gateway and the portal have different amounts for the same charge or refund.",
        "Compare it with the order's receipt. If the customer paid too much, refund the "
        "rest. If the customer paid too little, tell the gateway.",
    ),
    DifferenceKind.WRONG_CURRENCY: Explanation(
        "The gateway and the portal have different currencies for the same charge or refund.",
        "Look at the payment at the gateway. If the customer was charged in that currency, "
        "refund it and tell the gateway.",
    ),
    DifferenceKind.WRONG_DAY: Explanation(
        "The gateway has booked the charge or refund on a day on which the portal did not make it.",
        "Check which month and which tax period it belongs to. If the gateway's date is wrong, "
        "tell the gateway.",
    ),
    DifferenceKind.WRONG_FEE: Explanation(
        "The gateway keeps a fee that differs from the one in PAYMENT_FEES.",
        "Compare it with the contract. Claim the difference, or correct PAYMENT_FEES.",
    ),
    DifferenceKind.FEE_UNKNOWN: Explanation(
        "The gateway has taken a fee that belongs to no charge.",
        "Compare it with the gateway's invoice, for example for a month or a dispute.",
    ),
    DifferenceKind.DOUBLED: Explanation(
        "The gateway has booked the same charge, refund or payout a second time.",
        "If the customer was charged or refunded twice, correct that at the gateway. "
        "Otherwise ask the gateway to cancel the second entry.",
    ),
    DifferenceKind.PAYOUT_SUM: Explanation(
        "A payout is not the sum of the entries that it pays, less their fees.",
        "Ask the gateway for the missing entries, and compare the payout with the bank's "
        "statement.",
    ),
    DifferenceKind.ENTRY_CHANGED: Explanation(
        "The gateway lists an entry with other content than before.",
        "If the month is closed in the operator's books, correct them. Ask the gateway for "
        "the reason.",
    ),
}
