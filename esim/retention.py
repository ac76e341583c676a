"""How long the tables of SIMs and profiles keep their rows."""

from django.db.models import Q

from esim.models import (
    DownloadProgress,
    Es2Call,
    IccidRange,
    PoolLevel,
    Profile,
    Sim,
    SmdpProvider,
    Source,
)
from esim.states import ProfileState
from moportal.retention import Kept, Timed, register

# Until then, the calls decide what the next call is.
ENDED = Q(profile__state__in=[ProfileState.DOWNLOADED, ProfileState.CANCELLED])

register(
    Kept(SmdpProvider, "written by staff"),
    Kept(Source, "written by staff"),
    Kept(IccidRange, "written by staff"),
    Kept(PoolLevel, "written by staff"),
    Kept(Sim, "the operator's stock: an ICCID is never used again"),
    Kept(Profile, "one row for each ICCID under which an eSIM was ordered"),
    Timed(
        Es2Call,
        "calls for eSIMs that are downloaded or cancelled",
        since="sent_at",
        setting="SUPPORT_DAYS",
        only=ENDED,
    ),
    Timed(
        DownloadProgress,
        "notices about eSIMs that are downloaded, cancelled or unknown",
        since="received_at",
        setting="SUPPORT_DAYS",
        only=ENDED | Q(profile=None),
    ),
)
