"""What orders know about a customer.

Orders belong to the books: they stay for BOOKS_YEARS, without device and SIM. Nothing in them says
who the customer was.
"""

from moportal.personal import (
    BOOKS,
    INTERNAL,
    SECRET,
    Amount,
    Impersonal,
    Keep,
    Personal,
    register,
)
from orders.domain import matching, repairing
from orders.models import (
    Declaration,
    Draft,
    Order,
    PayingCode,
    Repair,
    Return,
    SalesPause,
    StateChange,
)

PRICE = {"price": Amount("gross_minor_units"), "tax": Amount("tax_minor_units")}
DECLARED = ("name", "address", "contract", "note", "language", "market", "staff_note")

register(
    Personal(
        Draft,
        ("account",),
        section="baskets",
        exports={
            "plan_name": "plan",
            **PRICE,
            "created_at": "begun at",
            "submitted_at": "ordered at",
        },
        withholds={"currency": INTERNAL},
        erases={"card_page": None, "sim": None, "moves_from": None},
        keeps=(Keep(BOOKS, ("plan_name", "currency")),),
        is_deleted_when_free=True,
    ),
    Personal(
        Order,
        ("account",),
        section="orders",
        exports={
            "number": "order number",
            "plan_name": "plan",
            **PRICE,
            "state": "state",
            "created_at": "ordered at",
            "completed_at": "completed at",
            "language": "language",
            "terms_version": "version of the terms that you accepted",
            "consent_text": "monthly charge that you agreed to",
            "consented_at": "agreed to the monthly charge at",
            "start_now_text": "your wish that the service starts at once",
            "start_now_at": "asked for that at",
            "eid": "device (EID)",
        },
        withholds={"currency": INTERNAL, "last_error": INTERNAL},
        erases={"eid": "", "sim": None, "profile": None, "last_error": ""},
        keeps=(
            Keep(
                BOOKS,
                (
                    "number",
                    "plan_name",
                    "currency",
                    "language",
                    "terms_version",
                    "consent_text",
                    "start_now_text",
                ),
            ),
        ),
    ),
    Personal(
        StateChange,
        ("order__account",),
        section="progress of orders",
        exports={
            "order__number": "order number",
            "old": "from",
            "new": "to",
            "at": "at",
            "reason": "reason",
        },
        # Staff may have written a name.
        erases={"reason": ""},
    ),
    Personal(
        Repair,
        ("order__account",),
        section="repairs of eSIMs",
        exports={
            "order__number": "order number",
            "kind": "what was done",
            "state": "state",
            "because": "reason",
            "eid": "device (EID)",
            "asked_at": "asked at",
            "ended_at": "ended at",
        },
        withholds={"last_error": INTERNAL},
        tasks=(repairing.KIND,),
    ),
    Personal(
        Return,
        ("order__account",),
        section="returned orders",
        exports={
            "order__number": "order number",
            "state": "state",
            "because": "reason",
            "asked_at": "asked at",
            "ended_at": "ended at",
        },
        withholds={"last_error": INTERNAL},
        erases={"because": "", "last_error": ""},
    ),
    Personal(
        Declaration,
        ("account", "order__account"),
        section="withdrawals and cancellations",
        exports={
            "kind": "what was declared",
            "name": "name",
            "address": "email or phone",
            "contract": "order number or phone number",
            "note": "note",
            "declared_at": "declared at",
            "state": "state",
            "language": "language",
            "market": "market",
        },
        withholds={"outcome": INTERNAL, "staff_note": INTERNAL},
        # Staff may have written a name.
        erases={"account": None, **dict.fromkeys(DECLARED, "")},
        tasks=(matching.KIND,),
    ),
    Personal(
        PayingCode,
        ("order__account",),
        withholds={"code": SECRET, "code_digest": SECRET},
    ),
    Impersonal(SalesPause, "which sales staff have paused, and why"),
)
