"""States of SIMs and profiles, as data."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class SimState(TextChoices):
    """Where an ICCID stands in the operator's stock. A retired one never comes back."""

    AVAILABLE = "available", pgettext_lazy("SIM state", "Available")
    RESERVED = "reserved", pgettext_lazy("SIM state", "Reserved")
    IN_USE = "in_use", pgettext_lazy("SIM state", "In use")
    RETIRED = "retired", pgettext_lazy("SIM state", "Retired")


class ProfileState(TextChoices):
    """What we know of a profile at the SM-DP+ (SGP.22 v2.2, 3.1.6, as seen from outside)."""

    INTENDED = "intended", pgettext_lazy("profile state", "Intended")
    RESERVED = "reserved", pgettext_lazy("profile state", "Reserved")
    RELEASED = "released", pgettext_lazy("profile state", "Released")
    DOWNLOADED = "downloaded", pgettext_lazy("profile state", "Downloaded")
    REFUSED = "refused", pgettext_lazy("profile state", "Refused")
    CANCELLED = "cancelled", pgettext_lazy("profile state", "Cancelled")


# A notification of the download may overtake what we know of the order itself.
NEXT_STATES: dict[ProfileState, frozenset[ProfileState]] = {
    ProfileState.INTENDED: frozenset(
        {
            ProfileState.RESERVED,
            ProfileState.DOWNLOADED,
            ProfileState.REFUSED,
            ProfileState.CANCELLED,
        }
    ),
    ProfileState.RESERVED: frozenset(
        {
            ProfileState.RELEASED,
            ProfileState.DOWNLOADED,
            ProfileState.REFUSED,
            ProfileState.CANCELLED,
        }
    ),
    ProfileState.RELEASED: frozenset({ProfileState.DOWNLOADED, ProfileState.CANCELLED}),
    ProfileState.DOWNLOADED: frozenset(),
    ProfileState.REFUSED: frozenset({ProfileState.CANCELLED}),
    ProfileState.CANCELLED: frozenset(),
}
