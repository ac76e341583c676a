"""Kinds and states of what this room stores, and which state may follow which."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class MethodKind(TextChoices):
    """What kind of payment method it is."""

    CARD = "card", "Card"
    # Its code is used up once (docs/decisions/013-a-voucher-is-a-payment-method.md).
    VOUCHER = "voucher", "Voucher"
    # The operator's bill for a phone number that is proven to be the customer's.
    BILL = "bill", "Operator's bill"
    # A card or a wallet that the customer will use on the gateway's page. It becomes a card once
    # the gateway says what was used.
    PAGE = "page", "On the gateway's page"


class PaymentState(TextChoices):
    """The state of a payment. Nothing is charged before `captured`."""

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
            # Some providers charge at once, unless their manual capture is switched on.
            PaymentState.CAPTURED,
            PaymentState.VOIDED,
        }
    ),
    # Some providers charge when the customer confirms at the bank. `fetch` then reports it.
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


class Initiator(TextChoices):
    """Who starts a payment."""

    # The customer is there, and can confirm it at the bank.
    CUSTOMER = "customer", "The customer"
    # Off session: nobody is there to confirm. A mandate allows it.
    OPERATOR = "operator", "The operator"


class RefusalKind(TextChoices):
    """What a refused payment means for its method, according to the gateway."""

    # The bank will never accept this method again. It is not tried any more.
    FINAL = "final", "For good"
    # Another try may succeed later. An unknown reason counts as this too.
    LATER = "later", "Perhaps later"
    # The customer must act first, for example type the security code again.
    CUSTOMER = "customer", "Needs the customer"


class EventSubject(TextChoices):
    """What an event of a gateway is about."""

    PAYMENT = "payment", "Payment"
    DISPUTE = "dispute", "Dispute"
    FRAUD_WARNING = "fraud_warning", "Fraud warning"


class DisputeKind(TextChoices):
    """What the customer's bank wants."""

    # The bank asks. It has taken no money yet.
    INQUIRY = "inquiry", "Inquiry"
    DISPUTE = "dispute", "Dispute"


class DisputeState(TextChoices):
    """How far a dispute has come. The gateway decides it."""

    OPENED = "opened", "Open: needs an answer"
    ANSWERED = "answered", "Answered: the bank decides"
    # An inquiry that ends without a dispute is won too.
    WON = "won", "Won"
    LOST = "lost", "Lost"


OPEN_DISPUTE = frozenset({DisputeState.OPENED, DisputeState.ANSWERED})
NEXT_DISPUTE_STATES: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPENED: frozenset({DisputeState.ANSWERED, DisputeState.WON, DisputeState.LOST}),
    # The bank may want more, and an inquiry may become a dispute.
    DisputeState.ANSWERED: frozenset({DisputeState.OPENED, DisputeState.WON, DisputeState.LOST}),
    # A dispute that has ended may be opened again, or be decided again.
    DisputeState.WON: frozenset({DisputeState.OPENED, DisputeState.LOST}),
    DisputeState.LOST: frozenset({DisputeState.OPENED, DisputeState.WON}),
}


class AnswerKind(TextChoices):
    """What staff decide about a dispute."""

    EVIDENCE = "evidence", "Answered with the evidence"
    ACCEPT = "accept", "Accepted"


class AnswerState(TextChoices):
    """The state of an answer. Every state but `asked` is final."""

    ASKED = "asked", "Being sent"
    DONE = "done", "Sent"
    FAILED = "failed", "Refused by the gateway"


class CodeVerdict(TextChoices):
    """What the gateway says about a code that the customer typed."""

    RIGHT = "right", "Right"
    WRONG = "wrong", "Wrong"
    # The gateway takes no more codes for this payment.
    OVER = "over", "Too often wrong, or too late"


class MandateEnd(TextChoices):
    """Why a mandate has ended."""

    WITHDRAWN = "withdrawn", "The customer ended it"
    # For example, the subscription has ended.
    OVER = "over", "What it was for has ended"
    REPLACED = "replaced", "The customer agreed to something else"
    METHOD_REMOVED = "removed", "The customer removed the method"
    METHOD_STOPPED = "stopped", "The bank refuses the method for good"
    FRAUD = "fraud", "The customer's bank reported fraud"
    STAFF = "staff", "Staff ended it"


class DeviceId(TextChoices):
    """The kind of number that identifies a device."""

    EID = "eid", "EID"
    IMEI = "imei", "IMEI"


class RefundKind(TextChoices):
    """What a refund means for the plan that was paid."""

    # The customer keeps the plan.
    GOODWILL = "goodwill", pgettext_lazy("refund kind", "Goodwill: the plan stays")
    SHORTENED = "shortened", pgettext_lazy("refund kind", "The plan was shortened")
    ENDED = "ended", pgettext_lazy("refund kind", "The plan has ended")
    ONE_PERIOD = "one_period", pgettext_lazy("refund kind", "One period")
    # The order failed or was cancelled after the charge.
    UNDONE = "undone", pgettext_lazy("refund kind", "The order was undone")


class RefundState(TextChoices):
    """The state of a refund. Every state but `asked` is final."""

    ASKED = "asked", pgettext_lazy("refund state", "In progress")
    DONE = "done", pgettext_lazy("refund state", "Refunded")
    # Asking the gateway again is a new refund, with its own key.
    FAILED = "failed", pgettext_lazy("refund state", "Failed")


NEXT_REFUND_STATES: dict[RefundState, frozenset[RefundState]] = {
    RefundState.ASKED: frozenset({RefundState.DONE, RefundState.FAILED}),
    RefundState.DONE: frozenset(),
    RefundState.FAILED: frozenset(),
}


class EntryKind(TextChoices):
    """The kind of an entry in a gateway's books: what moved the money."""

    CHARGE = "charge", "Charge"
    REFUND = "refund", "Refund"
    # The customer's bank takes the money, or gives it back after a dispute that was won.
    DISPUTE = "dispute", "Dispute"
    # A fee that is an entry of its own.
    FEE = "fee", "Fee"
    # The gateway pays the operator.
    PAYOUT = "payout", "Payout"


class DifferenceKind(TextChoices):
    """How a gateway's books and the portal's rows differ."""

    CHARGE_UNKNOWN = "charge_unknown", "Charge that the portal does not have"
    CHARGE_MISSING = "charge_missing", "Charge that the gateway does not have"
    REFUND_UNKNOWN = "refund_unknown", "Refund that the portal does not have"
    REFUND_MISSING = "refund_missing", "Refund that the gateway does not have"
    DISPUTE_DIFFERS = "dispute_differs", "Other amount lost by disputes"
    WRONG_AMOUNT = "wrong_amount", "Other amount"
    WRONG_CURRENCY = "wrong_currency", "Other currency"
    WRONG_DAY = "wrong_day", "Other day"
    WRONG_FEE = "wrong_fee", "Other fee than agreed"
    FEE_UNKNOWN = "fee_unknown", "Fee that belongs to no charge"
    DOUBLED = "doubled", "Booked twice"
    PAYOUT_SUM = "payout_sum", "Payout that is not the sum of its entries"
    ENTRY_CHANGED = "entry_changed", "Entry that the gateway has changed"


class CardPageState(TextChoices):
    """How far a page for a new card has come."""

    # A worker still has to open it.
    INTENDED = "intended", pgettext_lazy("card page state", "Being opened")
    # The customer can type a card on it.
    OPEN = "open", pgettext_lazy("card page state", "Open")
    TAKEN = "taken", pgettext_lazy("card page state", "Card stored")
    REFUSED = "refused", pgettext_lazy("card page state", "No card")
    LAPSED = "lapsed", pgettext_lazy("card page state", "Expired")


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
    # A customer who comes back late may have typed a card
    # anyway: the gateway is asked again.
    CardPageState.LAPSED: frozenset({CardPageState.OPEN}),
}
