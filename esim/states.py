"""States of SIMs and profiles, and the moves between them."""

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class SimState(TextChoices):
    """The state of an ICCID in the operator's stock. A retired ICCID is never used again."""

    AVAILABLE = "available", pgettext_lazy("SIM state", "Available")
    RESERVED = "reserved", pgettext_lazy("SIM state", "Reserved")
    IN_USE = "in_use", pgettext_lazy("SIM state", "In use")
    RETIRED = "retired", pgettext_lazy("SIM state", "Retired")


class ProfileState(TextChoices):
    """The state of a profile as the portal knows it (SGP.22 v2.2, 3.1.6 has the SM-DP+'s own)."""

    INTENDED = "intended", pgettext_lazy("profile state", "Intended")
    RESERVED = "reserved", pgettext_lazy("profile state", "Reserved")
    RELEASED = "released", pgettext_lazy("profile state", "Released")
    DOWNLOADED = "downloaded", pgettext_lazy("profile state", "Downloaded")
    REFUSED = "refused", pgettext_lazy("profile state", "Refused")
    CANCELLED = "cancelled", pgettext_lazy("profile state", "Cancelled")
    # Nothing was ordered. Its ICCID is in stock again, and another profile may have it.
    UNUSED = "unused", pgettext_lazy("profile state", "Never ordered")


# A profile can be downloaded from an early state too: the notice of the download may arrive before
# the answer to the order.
NEXT_STATES: dict[ProfileState, frozenset[ProfileState]] = {
    ProfileState.INTENDED: frozenset(
        {
            ProfileState.RESERVED,
            ProfileState.DOWNLOADED,
            ProfileState.REFUSED,
            ProfileState.CANCELLED,
            ProfileState.UNUSED,
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
    ProfileState.REFUSED: frozenset({ProfileState.CANCELLED, ProfileState.UNUSED}),
    ProfileState.CANCELLED: frozenset(),
    ProfileState.UNUSED: frozenset(),
}
