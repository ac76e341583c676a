"""What payments know about a customer.

Charges and refunds belong to the books: they stay for BOOKS_YEARS. So do their receipts, which must
not be changed. A removed method stays as long as a charge refers to it, with its last four digits
and without its token.
"""

from django.utils.translation import gettext_lazy as _

from moportal.personal import (
    BOOKS,
    INTERNAL,
    SECRET,
    Amount,
    Impersonal,
    Keep,
    Personal,
    Reason,
    register,
)
from payments.domain import pages
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

OUR_CALLS = Reason(
    "calls",
    _(
        "When we asked our payment provider about a charge,"
        " so that we can answer questions about it."
    ),
    setting="SUPPORT_DAYS",
)
FRAUD = Reason(
    "fraud",
    _(
        "If your bank reported fraud: a code that identifies the device,"
        " so that nobody orders with that device again."
    ),
    setting="DEVICE_STOP_DAYS",
)
DOCUMENTS = Reason(
    "documents",
    _(
        "Receipts and credit notes as they were issued, with your name on them."
        " Tax law requires us to keep them unchanged."
    ),
    setting="BOOKS_YEARS",
)
SELLER = ("seller_name", "seller_address", "seller_tax_number")
BOOKS_OF_GATEWAY = "the gateway's books: amounts under the gateway's own numbers"
OF_PAYMENT = "payment__method__account"

register(
    Impersonal(ReceiptCounter, "the last number of a year"),
    Impersonal(CreditNoteCounter, "the last number of a year"),
    Impersonal(BookDay, "which days are known"),
    Impersonal(BookEntry, BOOKS_OF_GATEWAY),
    Personal(
        PaymentMethod,
        ("account",),
        section="payment methods",
        exports={
            "kind": "kind",
            "brand": "brand",
            "last4": "last four characters",
            "expiry_month": "expiry month",
            "expiry_year": "expiry year",
            "created_at": "added at",
            "removed_at": "removed at",
        },
        withholds={"token": SECRET, "gateway": INTERNAL, "last_error": INTERNAL},
        erases={"token": "", "last_error": ""},
        keeps=(Keep(BOOKS, ("brand", "last4", "gateway")),),
        is_deleted_when_free=True,
    ),
    Personal(
        CardPage,
        ("account",),
        withholds={
            "return_url": INTERNAL,
            "gateway": INTERNAL,
            "gateway_id": INTERNAL,
            "url": SECRET,
            "last_error": INTERNAL,
        },
        tasks=(pages.KIND,),
    ),
    Personal(
        Mandate,
        ("method__account",),
        section="agreements to charge you",
        exports={
            "purpose": "for",
            "text": "text that you agreed to",
            "language": "language",
            "limit": Amount("highest_minor_units"),
            "agreed_at": "agreed at",
            "ended_at": "ended at",
            "method__last4": "last four characters of the method",
        },
        withholds={"transaction_id": INTERNAL, "currency": INTERNAL, "note": INTERNAL},
        erases={"transaction_id": ""},
        keeps=(Keep(BOOKS, ("purpose", "text", "language", "currency", "note")),),
        is_deleted_when_free=True,
    ),
    Personal(
        Payment,
        ("method__account",),
        section="charges",
        exports={
            "reference": "order",
            "notice": "notice of the price",
            "amount": Amount("minor_units"),
            "refunded": Amount("refunded_minor_units"),
            "state": "state",
            "created_at": "started at",
            "captured_at": "charged at",
            "decline_reason": "reason of a refusal",
            "method__last4": "last four characters of the method",
        },
        withholds={
            "currency": INTERNAL,
            "gateway_id": INTERNAL,
            "return_url": INTERNAL,
            "customer_step_url": SECRET,
            "code_step_id": INTERNAL,
        },
        erases={"return_url": "", "customer_step_url": "", "code_step_id": ""},
        keeps=(Keep(BOOKS, ("reference", "notice", "currency", "gateway_id", "decline_reason")),),
    ),
    Personal(PaymentCode, (OF_PAYMENT,), withholds={"code": SECRET}),
    Personal(
        GatewayCall,
        (OF_PAYMENT,),
        withholds={"operation": INTERNAL, "key": INTERNAL, "detail": INTERNAL},
        erases={"detail": ""},
        keeps=(Keep(OUR_CALLS, ("operation", "key")),),
    ),
    Personal(
        WebhookEvent,
        (OF_PAYMENT,),
        withholds={
            "gateway": INTERNAL,
            "identifier": INTERNAL,
            "gateway_id": INTERNAL,
            "reference": INTERNAL,
            "status": INTERNAL,
            "subject_id": INTERNAL,
        },
        erases={},
        keeps=(
            Keep(
                OUR_CALLS,
                ("gateway", "identifier", "gateway_id", "reference", "status", "subject_id"),
            ),
        ),
    ),
    Personal(
        Dispute,
        (OF_PAYMENT,),
        section="disputes with your bank",
        exports={
            "payment__reference": "order",
            "amount": Amount("minor_units"),
            "kind": "kind",
            "state": "state",
            "reason": "reason",
            "opened_at": "opened at",
            "ended_at": "ended at",
        },
        withholds={
            "gateway": INTERNAL,
            "gateway_id": INTERNAL,
            "currency": INTERNAL,
            "fee_currency": INTERNAL,
            "evidence": "what the portal told your bank; it is made of the other lists",
        },
        erases={"evidence": {}},
        keeps=(Keep(BOOKS, ("gateway", "gateway_id", "reason", "currency", "fee_currency")),),
    ),
    Personal(
        DisputeAnswer,
        (f"dispute__{OF_PAYMENT}",),
        withholds={"because": INTERNAL, "last_error": INTERNAL},
        # Staff may have written a name.
        erases={"because": "", "last_error": ""},
    ),
    Personal(
        FraudWarning,
        (OF_PAYMENT,),
        withholds={"gateway": INTERNAL, "gateway_id": INTERNAL, "reason": INTERNAL},
        erases={},
        keeps=(Keep(BOOKS, ("gateway", "gateway_id", "reason")),),
    ),
    Personal(
        StoppedDevice,
        (OF_PAYMENT,),
        section="devices that are stopped",
        exports={
            "kind": "kind",
            "ending": "last characters",
            "stopped_at": "since",
            "ends_at": "until",
        },
        withholds={"digest": SECRET, "lifted_because": INTERNAL},
        erases={},
        keeps=(Keep(FRAUD, ("digest", "ending", "lifted_because")),),
    ),
    Personal(
        BookDifference,
        (OF_PAYMENT,),
        withholds={
            "gateway": INTERNAL,
            "subject": INTERNAL,
            "our_currency": INTERNAL,
            "their_currency": INTERNAL,
            "detail": INTERNAL,
            "reason": INTERNAL,
        },
        erases={},
        keeps=(
            Keep(
                BOOKS,
                ("gateway", "subject", "our_currency", "their_currency", "detail", "reason"),
            ),
        ),
    ),
    Personal(
        Refund,
        (OF_PAYMENT,),
        section="refunds",
        exports={
            "payment__reference": "order",
            "amount": Amount("minor_units", "payment__currency"),
            "kind": "kind",
            "state": "state",
            "reason": "reason",
            "asked_at": "asked at",
            "ended_at": "ended at",
        },
        withholds={"gateway_id": INTERNAL, "last_error": INTERNAL},
        erases={"reason": "", "last_error": ""},
        keeps=(Keep(BOOKS, ("gateway_id",)),),
    ),
    Personal(
        Receipt,
        (OF_PAYMENT,),
        section="receipts",
        exports={
            "payment__reference": "order",
            "year": "year",
            "number": "number",
            "issued_on": "day",
            "seller_name": "seller",
            "seller_address": "seller's address",
            "seller_tax_number": "seller's tax number",
            "buyer_name": "buyer",
            "item": "what you bought",
            "starts_on": "from",
            "ends_on": "until",
            "amount": Amount("minor_units"),
            "tax": Amount("tax_minor_units"),
            "tax_word": "name of the tax",
        },
        withholds={"currency": INTERNAL},
        erases={},
        keeps=(Keep(DOCUMENTS, (*SELLER, "buyer_name", "item", "tax_word", "currency")),),
    ),
    Personal(
        CreditNote,
        (f"refund__{OF_PAYMENT}",),
        section="credit notes",
        exports={
            "refund__payment__reference": "order",
            "year": "year",
            "number": "number",
            "issued_on": "day",
            "seller_name": "seller",
            "seller_address": "seller's address",
            "seller_tax_number": "seller's tax number",
            "amount": Amount("minor_units", "receipt__currency"),
            "tax": Amount("tax_minor_units", "receipt__currency"),
        },
        erases={},
        keeps=(Keep(DOCUMENTS, SELLER),),
    ),
)
