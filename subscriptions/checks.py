"""System checks of the settings of ways out."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register

# A customer's step at the bank takes minutes, and a bank's page a few megabytes.
MOST_MINUTES, MOST_MEGABYTES = 60, 100
WARM = "subscriptions.networks.warm.AlwaysWarm"


@register
def ways_out(**_options: Any) -> list[CheckMessage]:
    """Return an error for a way out that would last too long or carry too much."""
    problems = []
    if not 0 <= settings.WAY_OUT_MINUTES <= MOST_MINUTES:
        problems.append(f"WAY_OUT_MINUTES must be from 0 to {MOST_MINUTES}.")
    if settings.WAY_OUT_MEGABYTES > MOST_MEGABYTES:
        problems.append(f"WAY_OUT_MEGABYTES must be from 1 to {MOST_MEGABYTES}.")
    return [Error(problem, id="subscriptions.E001") for problem in problems]


@register(deploy=True)
def network_opens_ways(**_options: Any) -> list[CheckMessage]:
    """Return a note if ways out are asked for in a network that opens none."""
    if settings.WAY_OUT_MINUTES == 0 or settings.NETWORK != WARM:
        return []
    text = "The network of NETWORK opens no way out, so a device without data reaches no bank."
    hint = "Set WAY_OUT_MINUTES=0 if such devices reach every host."
    return [Info(text, hint=hint, id="subscriptions.I001")]
