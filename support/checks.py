"""System checks of the desk's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from support.queries.actions import ACTIONS


@register
def four_eyes(**_options: Any) -> list[CheckMessage]:
    """Return an error for each name that is no action: nobody would be asked to approve it."""
    hint = f"FOUR_EYES takes: {', '.join(ACTIONS)}."
    return [
        Error(f"FOUR_EYES names {name!r}, which is no action.", hint=hint, id="support.E001")
        for name in settings.FOUR_EYES
        if name not in ACTIONS
    ]
