"""HandleDownloadProgressInfo: store first, then work; duplicates and disorder change nothing.

The reading is tolerant of field practice (`es2plus.md`, section 4): `timeStamp` or `timestamp`,
a point as number or text, an ICCID with padding, unknown fields.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.utils.timezone import now

from esim.models import DownloadProgress, Profile, Sim
from esim.provisioning import move
from esim.signals import profile_downloaded
from esim.states import ProfileState, SimState
from moportal.identifiers import Iccid, InvalidIdentifier

log = structlog.get_logger(__name__)
EXECUTED = frozenset({"Executed-Success", "Executed-WithWarning"})
INSTALLED = "4"


class UnreadableProgress(ValueError):
    """The notification names no ICCID that could be read; the message says what is missing."""


@dataclass(frozen=True)
class Progress:
    """One notification, taken apart."""

    iccid: str
    point: str
    status: str
    codes: tuple[str, str]
    timestamp: str
    call_identifier: str


def read(body: Any) -> Progress:
    """Take a notification apart, or raise `UnreadableProgress`."""
    if not isinstance(body, dict):
        raise UnreadableProgress("the body is not a JSON object")
    try:
        iccid = Iccid.parse(str(body.get("iccid", "")))
    except InvalidIdentifier as error:
        raise UnreadableProgress("iccid is missing or not an ICCID") from error
    header = _object(body.get("header"))
    status = _object(body.get("notificationPointStatus"))
    codes = _object(status.get("statusCodeData"))
    return Progress(
        iccid=iccid,
        point=_text(body.get("notificationPointId"), 12),
        status=_text(status.get("status"), 30),
        codes=(_text(codes.get("subjectCode"), 20), _text(codes.get("reasonCode"), 20)),
        timestamp=_text(body.get("timestamp", body.get("timeStamp")), 40),
        call_identifier=_text(header.get("functionCallIdentifier"), 80),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, length: int) -> str:
    """Return a value as text that every database takes."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", errors="replace").decode().replace("\0", "")[:length]


@transaction.atomic
def record(progress: Progress) -> None:
    """Keep the notification once, and let a confirmed installation mark the profile downloaded."""
    profile = Profile.objects.filter(sim__iccid=progress.iccid).first()
    DownloadProgress.objects.get_or_create(
        iccid=progress.iccid,
        point=progress.point,
        timestamp=progress.timestamp,
        call_identifier=progress.call_identifier,
        defaults={
            "profile": profile,
            "status": progress.status,
            "subject_code": progress.codes[0],
            "reason_code": progress.codes[1],
        },
    )
    log.info(
        "download progress", iccid=progress.iccid, point=progress.point, status=progress.status
    )
    is_installed = progress.point == INSTALLED and progress.status in EXECUTED
    if (
        profile is not None
        and is_installed
        and move(profile, ProfileState.DOWNLOADED, downloaded_at=now())
    ):
        Sim.objects.filter(pk=profile.sim_id).update(state=SimState.IN_USE)
        profile_downloaded.send(Profile, profile=profile)
