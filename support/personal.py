"""What the desk knows about a customer: when staff opened the page, and what they did."""

from accounts.personal import DESK
from moportal.personal import INTERNAL, Keep, Personal, register
from support.models import CaseNote, CaseWork, Opening, StaffAction

register(
    Personal(
        Opening,
        ("account",),
        section="when our team opened your page",
        exports={
            "opened_at": "at",
            "closes_at": "until",
            "passed_check": "you or somebody who knew your data had called",
        },
        withholds={"reason": INTERNAL},
        # Staff may have written a name.
        erases={"reason": "erased"},
        keeps=(Keep(DESK, ("reason",)),),
    ),
)
register(
    Personal(
        StaffAction,
        ("account",),
        section="what our team did for you",
        exports={"asked_at": "at", "action": "what", "label": "with", "state": "state"},
        withholds={"reason": INTERNAL, "values": INTERNAL},
        # Staff may have written a name.
        erases={"reason": "erased", "label": "", "values": {}},
        keeps=(Keep(DESK, ("action", "reason", "label", "values")),),
    ),
    Personal(
        CaseNote,
        ("account",),
        section="notes of our team about your cases",
        exports={"written_at": "at", "kind": "about"},
        withholds={"text": INTERNAL},
        # Staff may have written a name.
        erases={"text": "erased"},
        keeps=(Keep(DESK, ("kind", "text")),),
    ),
    Personal(CaseWork, ("owner",), withholds={"kind": INTERNAL}),
)
