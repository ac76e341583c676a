"""The events of eSIM profiles: calls to the SM-DP+, and the download as it was reported."""

from django.db.models import QuerySet

from esim.models import DownloadProgress, Es2Call, Profile
from moportal.timeline import Facts, Kind, Source, Subject


def _calls(subject: Subject) -> QuerySet[Es2Call]:
    return Es2Call.objects.filter(profile__in=subject.profiles)


def _progress(subject: Subject) -> QuerySet[DownloadProgress]:
    return DownloadProgress.objects.filter(profile__in=subject.profiles)


def _codes(facts: Facts) -> str:
    """Return the subject and reason code as the SM-DP+ sent them (SGP.02, 5.1.6.4)."""
    codes = f"{facts['subject_code']}/{facts['reason_code']}".strip("/")
    return codes and f" {codes}"


def _call(facts: Facts) -> str:
    ending = f"…{facts['iccid'][-4:]}"
    return f"{facts['function']} {ending}: {facts['outcome']}{_codes(facts)}"


def _download(facts: Facts) -> str:
    is_ignored = facts["meaning"] == DownloadProgress.Meaning.NOTHING
    effect = ", which decides nothing" if is_ignored else ""
    point = f"download progress of …{facts['iccid'][-4:]}, point {facts['point']}"
    return f"{point}: {facts['status'] or 'no status'}{_codes(facts)}{effect}"


TIMELINE = (
    Source(
        name="ES2+ call",
        kind=Kind.ESIMS,
        where="SM-DP+",
        rows=_calls,
        at="sent_at",
        facts={
            "profile": "profile",
            "iccid": "profile__sim__iccid",
            "function": "function",
            "outcome": "outcome",
            "subject_code": "subject_code",
            "reason_code": "reason_code",
        },
        words=_call,
        page=(Profile, "profile"),
    ),
    Source(
        name="download progress",
        kind=Kind.ESIMS,
        where="device",
        rows=_progress,
        at="received_at",
        facts={
            "profile": "profile",
            "iccid": "profile__sim__iccid",
            "point": "point",
            "status": "status",
            "meaning": "meaning",
            "subject_code": "subject_code",
            "reason_code": "reason_code",
        },
        words=_download,
        page=(Profile, "profile"),
    ),
)
