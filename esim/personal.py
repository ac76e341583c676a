"""What the stock of SIMs and the orders at the SM-DP+ know about a customer.

An ICCID names a SIM of the operator. Only `subscriptions` and `orders` know which customer has it.
"""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from esim.models import (
    DownloadProgress,
    Es2Call,
    IccidRange,
    PoolLevel,
    Profile,
    Sim,
    SmdpProvider,
    Source,
)
from moportal.personal import INTERNAL, SECRET, Impersonal, Keep, Personal, Reason, register

STOCK = Reason(
    "stock",
    _("The numbers of our SIM cards and eSIMs, without anything that says who had them."),
    until=_("As long as we have them"),
)
TABLE = "the operator's own settings"
OF_LINE, OF_ORDER = "lines__line__account", "order__account"

register(
    Impersonal(SmdpProvider, TABLE),
    Impersonal(Source, TABLE),
    Impersonal(IccidRange, TABLE),
    Impersonal(PoolLevel, TABLE),
    Personal(
        Sim,
        (OF_LINE, f"profiles__{OF_ORDER}"),
        section="SIMs",
        exports={
            "iccid": "SIM number (ICCID)",
            "kind": "kind",
            "imsi": "network identity (IMSI)",
            "msisdn": "phone number",
        },
        withholds={"puk_ending": SECRET, "profile_type": INTERNAL},
        # A SIM card stays a card of the operator's with its number, whoever has it.
        only=Q(kind=Sim.Kind.PROFILE),
        erases={"msisdn": ""},
        keeps=(Keep(STOCK, ("iccid", "imsi", "msisdn", "puk_ending", "profile_type")),),
    ),
    Personal(
        Profile,
        (f"sim__{OF_LINE}", OF_ORDER),
        section="eSIMs",
        exports={
            "sim__iccid": "SIM number (ICCID)",
            "eid": "device (EID)",
            "state": "state",
            "created_at": "ordered at",
            "downloaded_at": "installed at",
        },
        withholds={
            "matching_id": SECRET,
            "matching_id_digest": SECRET,
            "smdp_host": INTERNAL,
            "staff_alert": INTERNAL,
        },
        erases={"eid": "", "staff_alert": ""},
        keeps=(Keep(STOCK, ("matching_id", "matching_id_digest", "smdp_host")),),
    ),
    Personal(
        Es2Call,
        (f"profile__sim__{OF_LINE}", f"profile__{OF_ORDER}"),
        withholds={
            "function": INTERNAL,
            "request": INTERNAL,
            "subject_code": INTERNAL,
            "reason_code": INTERNAL,
            "detail": INTERNAL,
        },
    ),
    Personal(
        DownloadProgress,
        (f"profile__sim__{OF_LINE}", f"profile__{OF_ORDER}"),
        section="eSIM downloads",
        exports={
            "iccid": "SIM number (ICCID)",
            "meaning": "what was reported",
            "timestamp": "reported time",
            "received_at": "received at",
        },
        withholds={
            "point": INTERNAL,
            "status": INTERNAL,
            "other_eid": "another person's device",
            "subject_code": INTERNAL,
            "reason_code": INTERNAL,
            "call_identifier": INTERNAL,
            "raw": INTERNAL,
        },
    ),
)
