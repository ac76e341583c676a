"""Payment methods, mandates, payments, refunds, disputes, and their numbers in the books."""

from payments.models.disputes import Dispute, DisputeAnswer
from payments.models.fraud import FraudWarning, StoppedDevice
from payments.models.gateway_books import BookDay, BookDifference, BookEntry
from payments.models.mandates import Mandate
from payments.models.methods import CardPage, PaymentMethod
from payments.models.payments import GatewayCall, Payment, PaymentCode, WebhookEvent
from payments.models.receipts import (
    CreditNote,
    CreditNoteCounter,
    Receipt,
    ReceiptCounter,
    YearCounter,
)
from payments.models.refunds import Refund

__all__ = [
    "BookDay",
    "BookDifference",
    "BookEntry",
    "CardPage",
    "CreditNote",
    "CreditNoteCounter",
    "Dispute",
    "DisputeAnswer",
    "FraudWarning",
    "GatewayCall",
    "Mandate",
    "Payment",
    "PaymentCode",
    "PaymentMethod",
    "Receipt",
    "ReceiptCounter",
    "Refund",
    "StoppedDevice",
    "WebhookEvent",
    "YearCounter",
]
