"""How long the tables of this room keep their rows."""

from django.db.models import Q

from moportal.retention import Deleted, Follows, Kept, Timed, register
from payments.domain import evidence
from payments.domain.deleting import (
    delete_old_days,
    delete_old_differences,
    delete_old_entries,
)
from payments.models import (
    BookDay,
    BookDifference,
    BookEntry,
    CardPage,
    CreditNote,
    CreditNoteCounter,
    Dispute,
    DisputeAnswer,
    FraudWarning,
    GatewayCall,
    Mandate,
    Payment,
    PaymentCode,
    PaymentMethod,
    Receipt,
    ReceiptCounter,
    Refund,
    StoppedDevice,
    WebhookEvent,
)
from payments.states import PAGE_UNDER_WAY, MethodKind, PaymentState

ENDED = [
    PaymentState.DECLINED,
    PaymentState.CAPTURED,
    PaymentState.REFUNDED,
    PaymentState.VOIDED,
]

register(
    Timed(
        PaymentMethod,
        "vouchers and choices of the gateway's page that belong to no order or draft; a card's row"
        " is kept, without token if removed",
        since="created_at",
        setting="SUPPORT_DAYS",
        only=Q(kind__in=[MethodKind.VOUCHER, MethodKind.PAGE]),
    ),
    Timed(
        PaymentMethod,
        "methods of deleted accounts to which no charge refers any more",
        since="account__erased_at",
    ),
    Timed(
        Mandate,
        "mandates that have ended and under which no payment is kept: the proof of a consent",
        since="ended_at",
        setting="SUPPORT_DAYS",
    ),
    Timed(
        CardPage,
        "pages that are closed and belong to no order",
        since="created_at",
        setting="SUPPORT_DAYS",
        only=~Q(state__in=PAGE_UNDER_WAY),
    ),
    Kept(ReceiptCounter, "one row for each year"),
    Follows(Payment, "the books: the charge of an order", "orders.Order"),
    Follows(Refund, "the books: money given back", "payments.Payment"),
    Follows(Dispute, "the books: money taken by the customer's bank", "payments.Payment"),
    Deleted(
        Dispute,
        "the evidence of disputes that have ended: the row stays, without evidence",
        setting="SUPPORT_DAYS",
        delete_batch=evidence.forget_old,
    ),
    Follows(DisputeAnswer, "what staff decided about a dispute", "payments.Dispute"),
    Follows(FraudWarning, "the books: the bank's warnings of fraud", "payments.Payment"),
    Timed(
        StoppedDevice,
        "devices on the stop list, as keyed digests, after their time there",
        since="ends_at",
    ),
    Kept(CreditNoteCounter, "one row for each year"),
    Follows(CreditNote, "the books: the document of a refund", "payments.Refund"),
    Follows(Receipt, "the books: the document of a charge", "payments.Payment"),
    Timed(
        GatewayCall,
        "calls for payments that have ended",
        since="sent_at",
        setting="SUPPORT_DAYS",
        only=Q(payment=None) | Q(payment__state__in=ENDED),
    ),
    Follows(PaymentCode, "what the gateway said about a typed code", "payments.Payment"),
    Timed(
        WebhookEvent,
        "what the gateway reported",
        since="received_at",
        setting="SUPPORT_DAYS",
    ),
    Deleted(
        BookEntry,
        "the gateways' books: each charge, refund, dispute, fee and payout",
        setting="BOOKS_YEARS",
        delete_batch=delete_old_entries,
    ),
    Deleted(
        BookDay,
        "the gateways' books: which days are known",
        setting="BOOKS_YEARS",
        delete_batch=delete_old_days,
    ),
    Deleted(
        BookDifference,
        "the gateways' books: differences that are settled",
        setting="BOOKS_YEARS",
        delete_batch=delete_old_differences,
    ),
)
