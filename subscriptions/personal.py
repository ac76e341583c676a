"""What lines, plans and usage know about a customer.

A plan to which an order refers stays as long as the order, on a line without number and SIM.
"""

from django.db.models.functions import Coalesce, Now

from moportal.personal import BOOKS, INTERNAL, SECRET, Amount, Impersonal, Keep, Personal, register
from subscriptions.domain import (
    account_deletion,
    claims,
    linking,
    moves,
    operator_lines,
    sharing,
    ways_out,
)
from subscriptions.models import (
    KIND,
    Attempt,
    Bucket,
    ChargingCall,
    CustomerCall,
    Line,
    LineLink,
    LiveSim,
    NetworkCall,
    OperatorLine,
    Period,
    PlanChange,
    PlanMove,
    PriceChange,
    PriceNotice,
    SimOnLine,
    Subscription,
    Takeover,
    UsagePull,
    UsageRecord,
    WayOut,
    WayOutCall,
)

CALL = {"operation": INTERNAL, "detail": INTERNAL}
OF_SUBSCRIPTION = ("market", "changing", "served_plan", "last_error")
OF_SIM = "sim__lines__line__account"

register(
    Impersonal(UsagePull, "how far a charging system's records were fetched"),
    Impersonal(ChargingCall, "calls for the records of all customers"),
    Personal(
        Line,
        ("account",),
        section="lines",
        exports={"msisdn": "phone number", "name": "your name for it", "created_at": "since"},
        erases={"msisdn": "", "name": ""},
        is_deleted_when_free=True,
    ),
    Personal(
        SimOnLine,
        ("line__account",),
        section="SIMs on your lines",
        exports={
            "line__msisdn": "phone number",
            "sim__iccid": "SIM number (ICCID)",
            "since": "since",
            "until": "until",
            "proof": "how we know that it is yours",
        },
        erases={"until": Coalesce("until", Now())},
        is_deleted_when_free=True,
        tasks=(sharing.KIND,),
    ),
    Personal(
        Takeover,
        ("old__line__account", "new__line__account"),
        withholds={"last_error": INTERNAL},
        # The row is about two customers. It says nothing about either.
        erases={"last_error": ""},
        tasks=(claims.KIND,),
    ),
    Personal(
        OperatorLine,
        ("line__account",),
        section="lines that you linked",
        exports={
            "line__msisdn": "phone number",
            "reference": "our reference",
            "balances_at": "balance asked at",
        },
        withholds={"last_error": INTERNAL},
        tasks=(operator_lines.KIND,),
    ),
    Personal(
        LineLink,
        ("account",),
        section="requests to link a line",
        exports={
            "number": "phone number",
            "state": "state",
            "created_at": "asked at",
            "ended_at": "ended at",
        },
        withholds={"bill_code": SECRET, "last_error": INTERNAL},
        tasks=(linking.KIND,),
    ),
    Personal(
        CustomerCall,
        ("line__account", "link__account"),
        withholds={**CALL, "key": INTERNAL},
    ),
    Personal(
        Subscription,
        ("line__account",),
        section="plans",
        exports={
            "plan_name": "plan",
            "market": "market",
            "master": "charged by",
            "state": "state",
            "cancelled_at": "cancelled at",
            "reference": "order or reference",
            "lost_time": "time lost by a failed download",
        },
        withholds={"last_error": INTERNAL, "changing": INTERNAL, "served_plan": INTERNAL},
        erases={"mandate": None, **dict.fromkeys(OF_SUBSCRIPTION, "")},
        keeps=(Keep(BOOKS, ("plan_name", "reference")),),
        is_deleted_when_free=True,
        tasks=(account_deletion.KIND, KIND),
    ),
    Personal(
        LiveSim,
        ("subscription__line__account",),
        section="SIMs on which a plan is active",
        exports={
            "subscription__plan_name": "plan",
            "sim__iccid": "SIM number (ICCID)",
            "since": "since",
            "until": "until",
        },
    ),
    Personal(
        PlanMove,
        ("old__line__account",),
        section="moves of plans to another device",
        exports={
            "subscription__plan_name": "plan",
            "reference": "order number",
            "old__sim__iccid": "from the SIM (ICCID)",
            "new__sim__iccid": "to the SIM (ICCID)",
            "state": "state",
            "begun_at": "begun at",
            "ended_at": "ended at",
        },
        tasks=(moves.KIND,),
    ),
    Personal(
        NetworkCall,
        ("subscription__line__account",),
        withholds={**CALL, "iccid": INTERNAL},
    ),
    Personal(
        Period,
        ("subscription__line__account",),
        section="periods of plans",
        exports={
            "plan_name": "plan",
            "number": "number",
            "starts_at": "from",
            "ends_at": "until",
            "given_back": "time given back",
            "state": "state",
            "price": Amount("gross_minor_units"),
            "tax": Amount("tax_minor_units"),
        },
        withholds={"currency": INTERNAL},
        erases={},
        keeps=(Keep(BOOKS, ("plan_name", "currency")),),
        # A period that was charged is in the books.
        is_deleted_when_free=True,
    ),
    Personal(
        PlanChange,
        ("subscription__line__account",),
        section="plans that you chose for the next month",
        exports={
            "subscription__reference": "order or reference",
            "plan_name": "plan",
            "price": Amount("gross_minor_units"),
            "tax": Amount("tax_minor_units"),
            "state": "state",
            "chosen_at": "chosen at",
            "settled_at": "settled at",
        },
        withholds={"currency": INTERNAL},
    ),
    Impersonal(PriceChange, "a new price of a plan"),
    Personal(
        PriceNotice,
        ("subscription__line__account",),
        section="notices of new prices",
        exports={
            "subscription__plan_name": "plan",
            "text": "what it said",
            "language": "language",
            "written_at": "written at",
            "reached_at": "reached you at",
            "reached_by": "reached you by",
        },
    ),
    Personal(
        Attempt,
        ("period__subscription__line__account",),
        section="charges of plans",
        exports={
            "period__plan_name": "plan",
            "period__number": "period",
            "payment__reference": "reference",
            "created_at": "at",
        },
        erases={},
    ),
    Personal(
        Bucket,
        ("period__subscription__line__account",),
        section="data of plans",
        exports={
            "period__plan_name": "plan",
            "period__number": "period",
            "kind": "kind",
            "total_bytes": "bytes in the plan",
            "used_bytes": "bytes used",
            "countries": "countries",
        },
    ),
    Personal(
        UsageRecord,
        ("line__account",),
        section="data that you used",
        exports={
            "used_at": "at",
            "country": "country",
            "bytes": "bytes",
            "iccid": "SIM number (ICCID)",
        },
        withholds={"source": INTERNAL, "record_id": INTERNAL},
    ),
    Personal(
        WayOut,
        (OF_SIM,),
        withholds={"reference": INTERNAL, "last_error": INTERNAL},
        tasks=(ways_out.KIND,),
    ),
    Personal(WayOutCall, (f"way_out__{OF_SIM}",), withholds=CALL),
)
