"""What customers read about limits."""

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.limiter import Locked

# In seconds. A longer time is told in hours.
LONGEST_IN_MINUTES = 2 * 3600


def wait_text(locked: Locked) -> str:
    """Return what a customer can do about a lock: wait so long, or ask support."""
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
    """Return what somebody reads whose attempts are not compared any more."""
    return f"{_('There were too many wrong attempts.')} {wait_text(locked)}"
