"""System checks: what support asks callers can keep strangers out."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from accounts.access.caller_facts import chosen_facts, unknown_facts

# One fact about a customer is easy to find out.
FEWEST_ANSWERS = 2


@register
def caller_check(**_options: Any) -> list[CheckMessage]:
    """Return an error for each setting that asks callers for too little, or for what nobody knows.

    What many people know, such as a name, counts for nothing.
    """
    unknown = [
        Error(f"CALLER_CHECK: no room knows the fact {name!r}.", id="accounts.E001")
        for name in unknown_facts()
    ]
    counted = [fact for fact in chosen_facts() if not fact.is_public]
    found: list[CheckMessage] = [*unknown]
    if not FEWEST_ANSWERS <= settings.CALLER_CHECK_RIGHT <= len(counted):
        text = (
            f"CALLER_CHECK_RIGHT is {settings.CALLER_CHECK_RIGHT}. It must be at least "
            f"{FEWEST_ANSWERS}, and at most {len(counted)}: so many facts in CALLER_CHECK are not "
            "known to many people."
        )
        found.append(Error(text, id="accounts.E002"))
    return found
