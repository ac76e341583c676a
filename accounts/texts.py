"""What customers read about limits and one-time codes."""

import math

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from accounts.access.limiter import Locked
from accounts.states import Refusal, TypedVerdict

# In seconds. A longer time is told in hours.
LONGEST_IN_MINUTES = 2 * 3600
CODE_OVER = gettext_lazy("This code is no longer valid. Ask for a new one.")
# What the operator's service said about a code that can no longer be typed.
CODE_ENDED = {
    TypedVerdict.FAILED: gettext_lazy("The code was wrong too many times. Ask for a new one."),
    TypedVerdict.EXPIRED: CODE_OVER,
    TypedVerdict.UNKNOWN: gettext_lazy("We couldn't check the code. Ask for a new one."),
}
NUMBER_IN_DEVICE = gettext_lazy(
    "We don't send codes to this number from this device. Use another address or another device."
)
WHY_NOT_SENT = {
    Refusal.LIMIT: gettext_lazy(
        "We can't send a code there right now. Many messages went there recently, or we don't "
        "send SMS to its country. Try again in an hour."
    ),
    Refusal.NUMBER_CHANGED: gettext_lazy(
        "This number or its SIM changed hands recently, so a code to it proves nothing yet. "
        "If it's yours, contact support."
    ),
    Refusal.UNDELIVERED: gettext_lazy("The message wasn't delivered. Check for a typing error."),
    Refusal.UNCHECKED: gettext_lazy(
        "We couldn't find out whether this number changed hands recently. Try again later."
    ),
    Refusal.NOT_ALLOWED: gettext_lazy("This number can't receive our codes."),
    Refusal.BLOCKED: gettext_lazy("This number blocks our SMS."),
}
# After these, a new code to the same address may arrive.
MAY_ASK_AGAIN = frozenset({Refusal.LIMIT, Refusal.UNDELIVERED, Refusal.UNCHECKED})


def wait_text(locked: Locked) -> str:
    """Return what a customer can do about a lock: how long to wait, or to ask support."""
    if locked.seconds is None:
        return _("Contact our support team to go on.")
    if locked.seconds > LONGEST_IN_MINUTES:
        hours = math.ceil(locked.seconds / 3600)
        text = ngettext("Try again in %(count)d hour.", "Try again in %(count)d hours.", hours)
        return text % {"count": hours}
    minutes = math.ceil(locked.seconds / 60)
    text = ngettext("Try again in %(count)d minute.", "Try again in %(count)d minutes.", minutes)
    return text % {"count": minutes}


def too_many_text(locked: Locked) -> str:
    """Return the text for somebody who has used up all attempts."""
    return then_wait(_("There were too many wrong attempts."), locked)


def too_many_cards_text(locked: Locked) -> str:
    """Return what a customer reads who has tried too many new cards."""
    return then_wait(_("Several new cards were tried already."), locked)


def too_many_codes_text(locked: Locked) -> str:
    """Return what somebody reads who has asked for too many codes."""
    return then_wait(_("Several codes were requested already."), locked)


def then_wait(sentence: str, locked: Locked) -> str:
    """Return the sentence and how long to wait, with a space where the language writes one."""
    text = pgettext("two sentences", "%(first)s %(second)s")
    return text % {"first": sentence, "second": wait_text(locked)}


def wrong_code_text(tries_left: int) -> str:
    """Return what somebody reads who has typed a wrong code."""
    if not tries_left:
        return str(CODE_OVER)
    text = ngettext(
        "That's not the code. You have %(count)d more try.",
        "That's not the code. You have %(count)d more tries.",
        tries_left,
    )
    return text % {"count": tries_left}
