"""Payment methods, payments, refunds, disputes, and their numbers in the operator's books."""

from payments.models.books import (
    CreditNote,
    CreditNoteCounter,
    Receipt,
    ReceiptCounter,
    YearCounter,
)
from payments.models.disputes import Dispute, DisputeAnswer
from payments.models.methods import CardPage, PaymentMethod
from payments.models.payments import GatewayCall, Payment, WebhookEvent
from payments.models.refunds import Refund

__all__ = [
    "CardPage",
    "CreditNote",
    "CreditNoteCounter",
    "Dispute",
    "DisputeAnswer",
    "GatewayCall",
    "Payment",
    "PaymentMethod",
    "Receipt",
    "ReceiptCounter",
    "Refund",
    "WebhookEvent",
    "YearCounter",
]
