"""What visits know about a customer: the device and the SIMs that a launch named."""

from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from moportal.personal import BOOKS, INTERNAL, SECRET, Amount, Keep, Personal, register

register(
    Personal(
        Visit,
        ("account",),
        section="visits",
        exports={
            "launched_at": "at",
            "transaction_id": "reference",
            "eid": "device (EID)",
            "eid_from": "EID known from",
            "imei": "device (IMEI)",
            "iccid": "SIM number (ICCID)",
            "iccids": "eSIMs on the device (ICCIDs)",
            "location": "country where the device was",
            "market": "market",
            "step": "last page",
        },
        withholds={"remarks": INTERNAL, "refused_as": INTERNAL, "refused_because": INTERNAL},
        erases={
            "transaction_id": "erased",
            "eid": "",
            "eid_from": "",
            "iccid": "",
            "iccids": [],
            "imei": "",
            "remarks": "",
            "step": "",
        },
        # Where the sale was decides about its tax.
        keeps=(Keep(BOOKS, ("location", "market", "refused_as", "refused_because")),),
        is_deleted_when_free=True,
    ),
    Personal(
        Handoff,
        ("visit__account", "account"),
        section="results for your device",
        exports={
            "created_at": "at",
            "success": "something was bought",
            "iccid": "SIM number (ICCID)",
            "plan_name": "plan",
            "paid": Amount("paid_minor_units"),
            "reference": "order",
        },
        withholds={
            "activation_code": SECRET,
            "token_hash": SECRET,
            "language": INTERNAL,
            "user_account": INTERNAL,
            "purchase_instrument": INTERNAL,
            "line": INTERNAL,
            "mo_direct_status": INTERNAL,
            "currency": INTERNAL,
        },
    ),
    Personal(
        LpaReport,
        ("visit__account",),
        section="failed downloads",
        exports={
            "received_at": "reported at",
            "code_as_sent": "error",
            "at_as_sent": "the device's time",
            "iccid": "SIM number (ICCID)",
            "state": "state",
            "asked_for_help_at": "asked for help at",
            "note": "support's note",
        },
    ),
    Personal(
        HostReport,
        ("handoff__visit__account", "handoff__account"),
        section="reports of the app",
        exports={
            "received_at": "received at",
            "kind": "about",
            "result": "result",
            "iccid": "SIM number (ICCID)",
        },
    ),
)
