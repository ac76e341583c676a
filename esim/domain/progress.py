"""Download progress: a request stores the notice, and a worker applies it.

The worker applies all stored notices of a profile together, so their order and repetitions do not
matter.
"""

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.domain.provisioning import alert_staff, clear_staff_alert, move
from esim.models import DownloadProgress, Profile, Sim, SmdpProvider
from esim.notices import (
    EXECUTED,
    FAILED,
    OF_DOWNLOAD,
    ON_DEVICE,
    STANDARD_POINTS,
    Notice,
    Point,
)
from esim.signals import download_failed, profile_downloaded
from esim.states import ProfileState, SimState
from moportal.database.statements import compare_and_set
from outbox.domain import Lease, enqueue

log = structlog.get_logger(__name__)
KIND = "download progress"
Meaning = DownloadProgress.Meaning
# In these states a failed download matters. In the others the profile is on its device, or can no
# longer be downloaded.
WAITING = frozenset({ProfileState.INTENDED, ProfileState.RESERVED, ProfileState.RELEASED})


class NothingToConfirm(Exception):
    """No notice says that this eSIM is on another device, or the eSIM was not waiting for one."""


@transaction.atomic
def store_notice(notice: Notice, provider: SmdpProvider | None) -> None:
    """Store a notice once, and enqueue its profile.

    A provider's notice counts only for the provider's own profiles. `provider` is None if the API
    runs without client certificates.
    """
    ordered = Profile.objects.exclude(state=ProfileState.UNUSED).select_related("provider")
    profiles = ordered.filter(sim__iccid=notice.iccid)
    if provider:
        profiles = profiles.filter(provider=provider)
    profile = profiles.first()
    row, is_new = DownloadProgress.objects.get_or_create(
        # Without client certificates the sender is unknown. The profile names the
        # provider then, so that a repetition is still recognised.
        provider=profile.provider if profile else provider,
        iccid=notice.iccid,
        point=notice.point,
        status=notice.status,
        timestamp=notice.timestamp,
        call_identifier=notice.call_identifier,
        defaults={
            "profile": profile,
            "meaning": _meaning_of(notice, profile),
            "other_eid": _other_eid(notice, profile),
            "subject_code": notice.codes[0],
            "reason_code": notice.codes[1],
            "at": notice.at,
            "raw": notice.raw,
        },
    )
    logged = {"iccid": notice.iccid, "point": notice.point, "status": notice.status}
    if profile is None:
        log.warning("download progress of an unknown profile", **logged)
    elif is_new or row.applied_at is None:
        # A repetition enqueues the profile too, as long as the notice was not applied.
        codes = "/".join(notice.codes)
        log.info("download progress", codes=codes, meaning=row.meaning, **logged)
        enqueue(KIND, profile.pk)


def _meaning_of(notice: Notice, profile: Profile | None) -> DownloadProgress.Meaning:
    """Return what the notice says about the profile.

    What is not understood decides nothing.
    Source: docs/es2plus.md#handledownloadprogressinfo.
    """
    if profile is None or _other_eid(notice, profile):
        return Meaning.NOTHING
    return _meaning_at(point_of(notice.point, profile.provider), notice.status)


def _meaning_at(point: Point | None, status: str) -> DownloadProgress.Meaning:
    if point is None:
        return Meaning.NOTHING
    if status in EXECUTED:
        return Meaning.ON_DEVICE if point in ON_DEVICE else Meaning.PROGRESS
    has_failed = status == FAILED and point in OF_DOWNLOAD
    return Meaning.FAILED if has_failed else Meaning.NOTHING


def _other_eid(notice: Notice, profile: Profile | None) -> str:
    """Return the end of the notice's EID if it is not the order's, else an empty text.

    An order may have no EID, and a notice may name none.
    """
    ordered = profile.eid if profile else ""
    is_other = bool(ordered and notice.eid) and notice.eid != ordered
    return notice.eid[-4:] if is_other else ""


def process_progress(subject: str, _lease: Lease) -> None:
    """Apply the stored notices of a profile. This is a handler of the outbox."""
    profile = Profile.objects.select_related("provider", "sim").get(pk=subject)
    for notice in profile.progress.filter(applied_at=None):
        _apply(profile, notice)


@transaction.atomic
def _apply(profile: Profile, notice: DownloadProgress) -> None:
    # Of two concurrent workers only one applies the notice, so it is announced once.
    if not compare_and_set(DownloadProgress, notice.pk, {"applied_at": None}, applied_at=now()):
        return
    if notice.other_eid:
        other = f"the EID ending in {notice.other_eid}"
        alert_staff(profile, f"notice: {other} is not the order's")
    if notice.meaning == Meaning.ON_DEVICE:
        _mark_downloaded(profile)
    elif notice.meaning == Meaning.FAILED and profile.state in WAITING:
        log.warning("download failed", iccid=notice.iccid, codes=notice.codes)
        download_failed.send(Profile, profile=profile, notice=notice)


def _mark_downloaded(profile: Profile) -> None:
    # Installed, enabled and deleted may all be notified, in any order. The first one moves
    # the profile.
    if move(profile, ProfileState.DOWNLOADED, downloaded_at=now()):
        Sim.objects.filter(pk=profile.sim_id).update(state=SimState.IN_USE)
        profile_downloaded.send(Profile, profile=profile)
    elif profile.state != ProfileState.DOWNLOADED:
        # The profile can be used, but nobody pays for it.
        log.error("downloaded although it was cancelled or refused", iccid=profile.sim.iccid)


@transaction.atomic
def confirm_download(profile: Profile, *, actor: User) -> None:
    """Take the notices that name another EID for the order's, because staff have checked them.

    A foreign or misspelt EID decides nothing by itself, so without staff such a download would
    stay unconfirmed. The staff alert ends. Raises `NothingToConfirm`.
    """
    meanings = {
        _meaning_at(point_of(notice.point, profile.provider), notice.status)
        for notice in profile.progress.exclude(other_eid="")
    }
    if Meaning.ON_DEVICE not in meanings or profile.state not in WAITING:
        raise NothingToConfirm(profile.pk)
    _mark_downloaded(profile)
    clear_staff_alert(profile)
    log.info("download confirmed by staff", iccid=profile.sim.iccid, actor=actor.pk)


def point_of(number: str, provider: SmdpProvider) -> Point | None:
    """Return what this provider's point stands for, or None if that is unknown."""
    named = {**STANDARD_POINTS, **provider.notification_points}.get(number)
    return Point(named) if named in list(Point) else None
