"""What the desk knows about a customer: when staff opened the customer's page."""

from accounts.personal import DESK
from moportal.personal import INTERNAL, Keep, Personal, register
from support.models import Opening

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
