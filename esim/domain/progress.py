"""HandleDownloadProgressInfo: store first, then work; duplicates and disorder change nothing.

The request stores what it was told and rings. What it means is decided by a worker from all that
is stored of the profile, so that it matters neither when nor how often it was said.
"""

import structlog
from django.db import transaction
from django.utils.timezone import now

from esim.domain.provisioning import move
from esim.models import DownloadProgress, Profile, Sim, SmdpProvider
from esim.notices import EXECUTED, ON_DEVICE, STANDARD_POINTS, Notice, Point
from esim.signals import download_failed, profile_downloaded
from esim.states import ProfileState, SimState
from moportal.statements import compare_and_set
from outbox.domain import Lease, enqueue

log = structlog.get_logger(__name__)
KIND = "download progress"
# Of a profile that is on its device, or that is not to be had any more, no failure matters.
WAITING = frozenset({ProfileState.INTENDED, ProfileState.RESERVED, ProfileState.RELEASED})


@transaction.atomic
def record(notice: Notice, provider: SmdpProvider | None) -> None:
    """Store a notification, once, and have it looked at.

    It is about the provider's own profiles, whatever else it names; `provider` is None where
    nobody is asked for a certificate.
    """
    profiles = Profile.objects.filter(sim__iccid=notice.iccid).select_related("provider")
    if provider:
        profiles = profiles.filter(provider=provider)
    profile = profiles.first()
    teller = profile.provider if profile else provider
    row, is_new = DownloadProgress.objects.get_or_create(
        provider=teller,
        iccid=notice.iccid,
        point=notice.point,
        timestamp=notice.timestamp,
        call_identifier=notice.call_identifier,
        defaults={
            "profile": profile,
            "status": notice.status,
            "subject_code": notice.codes[0],
            "reason_code": notice.codes[1],
            "at": notice.at,
            "raw": notice.raw,
        },
    )
    about = {"iccid": notice.iccid, "point": notice.point, "status": notice.status}
    if profile is None:
        log.warning("download progress of a profile that is not known here", **about)
    elif is_new or row.applied_at is None:
        log.info("download progress", codes="/".join(notice.codes), **about)
        enqueue(KIND, profile.pk)


def look_at_progress(subject: str, _lease: Lease) -> None:
    """Work through what was told of a profile; the outbox's handler."""
    profile = Profile.objects.select_related("provider", "sim").get(pk=subject)
    for told in profile.progress.filter(applied_at=None):
        _apply(profile, told)


@transaction.atomic
def _apply(profile: Profile, told: DownloadProgress) -> None:
    if not compare_and_set(DownloadProgress, told.pk, {"applied_at": None}, applied_at=now()):
        return
    if told.status in EXECUTED:
        if meaning(profile.provider, told.point) in ON_DEVICE:
            _mark_downloaded(profile)
    elif profile.state in WAITING:
        log.warning("download failed", iccid=told.iccid, codes=told.codes)
        download_failed.send(Profile, profile=profile, told=told)


def _mark_downloaded(profile: Profile) -> None:
    if move(profile, ProfileState.DOWNLOADED, downloaded_at=now()):
        Sim.objects.filter(pk=profile.sim_id).update(state=SimState.IN_USE)
        profile_downloaded.send(Profile, profile=profile)
    elif profile.state != ProfileState.DOWNLOADED:
        log.error("on a device although it was withdrawn", iccid=profile.sim.iccid)


def meaning(provider: SmdpProvider, point: str) -> Point | None:
    """Return what a point of this provider stands for; None where nobody has said."""
    named = {**STANDARD_POINTS, **provider.notification_points}.get(point)
    return Point(named) if named in list(Point) else None
