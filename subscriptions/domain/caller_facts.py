"""What support can ask callers about their lines (`accounts.access.caller_facts`)."""

import re
from collections.abc import Collection

from django.utils.timezone import now

from accounts.access.caller_facts import CallerFact
from accounts.models import User
from moportal.text.normal_text import normalise_number
from subscriptions.models import SimOnLine
from subscriptions.queries import usable_subscriptions

ENDING = 6


def _iccids(account: User) -> Collection[str]:
    stays = SimOnLine.objects.filter(line__account=account, until=None)
    return [*stays.values_list("sim__iccid", flat=True)]


def _normalise_ending(text: str) -> str:
    """Return the last six digits of an ICCID. A caller may read out more of them."""
    digits = re.sub(r"[^0-9]", "", normalise_number(text))
    return digits[-ENDING:] if len(digits) >= ENDING else ""


def _plans(account: User) -> Collection[str]:
    running = usable_subscriptions(now()).filter(line__account=account)
    return [*running.values_list("plan_name", flat=True)]


ICCID_ENDING = CallerFact(
    "iccid_ending",
    f"Last {ENDING} digits of the SIM's number (ICCID)",
    _iccids,
    normalise=_normalise_ending,
)
PLAN = CallerFact("plan", "Name of a plan that is running", _plans)
