"""What customers read about limits."""

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.limiter import Locked


def wait_text(locked: Locked) -> str:
    """Return what a customer can do about a lock: wait so many minutes, or ask support."""
    if locked.seconds is None:
        return _("Contact our support team to go on.")
    minutes = math.ceil(locked.seconds / 60)
    text = ngettext("Try again in %(count)d minute.", "Try again in %(count)d minutes.", minutes)
    return text % {"count": minutes}
