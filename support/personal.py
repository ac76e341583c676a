"""What the desk knows about a customer: when staff opened the page, and what they did."""

from accounts.personal import DESK
from moportal.personal import INTERNAL, Keep, Personal, register
from support.models import Opening, StaffAction

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
)
