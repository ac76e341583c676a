"""The device: how a download ends, named as in Windows' ESimOperationStatus."""

import hashlib
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from simulators.fault_kinds import CODE
from simulators.http import HttpRefusal
from simulators.smdp.books import Profile
from simulators.smdp.desk import Desk
from simulators.smdp.es2plus import EID
from simulators.smdp.failures import (
    DOWNLOAD,
    FAILURES,
    FOUND_BY_SMDP,
    INSTALLATION,
    REASONS,
    TOO_MANY_CODES,
    TOO_MANY_DOWNLOADS,
    UNTOLD_REASONS,
    Reason,
)
from simulators.smdp.notices import Step
from simulators.smdp.spelling import POINTS
from simulators.smdp.states import ProfileState

REFUSALS = {
    ProfileState.CONFIRMED: "ProfileNotReleasedByOperator",
    ProfileState.INSTALLED: "ProfileNotAvailableForNewBinding",
    ProfileState.ERROR: "ProfileNotAvailableForNewBinding",
}
ENDS = frozenset({"installed", "downloaded", "error"})


class DownloadFailed(Exception):
    """A download that changes nothing at the SM-DP+. The message is the LPA's error name."""


@dataclass(frozen=True)
class Attempt:
    """One download: the eUICC, and how the download is to end."""

    eid: str
    confirmation_code: object
    is_installed: bool
    failure: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class Ending:
    """The end of a download: the LPA's error, if any, and the steps to report to the operator."""

    profile: Profile
    eid: str
    steps: tuple[Step, ...]
    error: str = ""


def download(desk: Desk, body: dict[str, Any]) -> Ending:
    """Download the profile of an activation code; raises `DownloadFailed`.

    A profile without an EID is linked to the EID that downloads it (SGP.22 v2.2, 3.1.6).
    """
    attempt = _parse_attempt(body)
    if attempt.failure and attempt.reason is None:
        raise DownloadFailed(attempt.failure)
    profile = _find_profile(desk, body.get("activationCode"), attempt.eid)
    if attempt.reason in UNTOLD_REASONS:
        raise DownloadFailed(attempt.failure)
    if 0 < desk.limits.downloads <= desk.books.attempts(profile).downloads:
        error = "ProfileDownloadMaxRetriesExceeded"
        return _end_in_error(desk, profile, attempt, error, TOO_MANY_DOWNLOADS)
    reason = REASONS[attempt.reason] if attempt.reason else None
    if reason and reason.point != INSTALLATION:
        return _end_in_error(desk, profile, attempt, attempt.failure, reason)
    if not _is_confirmed(profile, attempt.confirmation_code):
        return _count_wrong_code(desk, profile, attempt)
    if reason:
        return _end_in_error(desk, profile, attempt, attempt.failure, reason)
    return _succeed(desk, profile, attempt)


def parse_later_step(desk: Desk, body: dict[str, Any]) -> tuple[Profile, Step]:
    """Return the profile and a later step, such as its deletion; no state changes.

    Raises `HttpRefusal` for an unknown profile, or for an invalid point or code.
    """
    profile = desk.books.find(str(body.get("iccid", "")).rstrip("Ff"))
    if profile is None:
        raise HttpRefusal(HTTPStatus.NOT_FOUND, "unknown_iccid")
    point, code = body.get("point"), body.get("code", "")
    if not (type(point) is int or (isinstance(point, str) and point in POINTS)):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_point")
    if not isinstance(code, str) or not CODE.fullmatch(code):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_code")
    return profile, Step(point, code, "the device has reported it" if code else "")


def _parse_attempt(body: dict[str, Any]) -> Attempt:
    eid, end = body.get("eid"), str(body.get("end", "installed"))
    if not isinstance(eid, str) or not EID.fullmatch(eid):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_eid")
    if end not in ENDS:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_end")
    failure = "ProfileProcessingError" if end == "error" else str(body.get("fail", ""))
    if failure in FOUND_BY_SMDP:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "found_by_smdp")
    if failure and failure not in FAILURES:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_fail")
    reason = str(body["reason"]) if "reason" in body else FAILURES.get(failure)
    if reason and (not failure or reason not in {*REASONS, *UNTOLD_REASONS}):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_reason")
    return Attempt(eid, body.get("confirmationCode"), end == "installed", failure, reason or None)


def _find_profile(desk: Desk, activation_code: object, eid: str) -> Profile:
    matching_id = _parse_activation_code(desk, activation_code)
    books = desk.books
    profile = books.bound_to(matching_id) if matching_id else books.waiting_for(eid)
    if profile is None:
        raise DownloadFailed("InvalidMatchingId")
    if profile.eid not in {"", eid}:
        raise DownloadFailed("EidMismatch")
    if profile.state in REFUSALS:
        raise DownloadFailed(REFUSALS[profile.state])
    return profile


def _parse_activation_code(desk: Desk, activation_code: object) -> str:
    """Return the matching id in `1$host$matching id` (SGP.22 v2.2, 4.1).

    Further fields are ignored. Raises `DownloadFailed` for another format or host.
    """
    parts = activation_code.split("$") if isinstance(activation_code, str) else []
    if len(parts) < 3 or parts[0] != "1":  # noqa: PLR2004 -- format, address, token
        raise DownloadFailed("InvalidMatchingId")
    if parts[1].lower() != desk.address.lower():
        raise DownloadFailed("ServerNotReachable")
    return parts[2]


def _is_confirmed(profile: Profile, code: object) -> bool:
    if not profile.confirmation_code_hash:
        return True
    if not isinstance(code, str) or not code:
        raise DownloadFailed("ConfirmationCodeMissing")
    return hashlib.sha256(code.encode()).hexdigest() == profile.confirmation_code_hash


def _deliver(desk: Desk, profile: Profile, eid: str) -> Profile:
    made = desk.books.attempts(profile)
    desk.books.set_attempts(profile, replace(made, downloads=made.downloads + 1))
    if profile.state == ProfileState.RELEASED:
        return desk.books.move(profile, ProfileState.DOWNLOADED, eid=eid)
    return profile


def _count_wrong_code(desk: Desk, profile: Profile, attempt: Attempt) -> Ending:
    made = desk.books.attempts(profile)
    made = replace(made, wrong_codes=made.wrong_codes + 1)
    desk.books.set_attempts(profile, made)
    if 0 < desk.limits.wrong_codes <= made.wrong_codes:
        error = "ConfirmationCodeMaxRetriesExceeded"
        return _end_in_error(desk, profile, attempt, error, TOO_MANY_CODES)
    return Ending(profile, attempt.eid, (), "IncorrectConfirmationCode")


def _succeed(desk: Desk, profile: Profile, attempt: Attempt) -> Ending:
    profile = _deliver(desk, profile, attempt.eid)
    if not attempt.is_installed:
        return Ending(profile, attempt.eid, (Step(DOWNLOAD),))
    profile = desk.books.move(profile, ProfileState.INSTALLED)
    return Ending(profile, attempt.eid, (Step(DOWNLOAD), Step(INSTALLATION)))


def _end_in_error(
    desk: Desk, profile: Profile, attempt: Attempt, error: str, reason: Reason
) -> Ending:
    steps: tuple[Step, ...] = (Step(reason.point, reason.code, reason.message),)
    if reason.point == INSTALLATION:
        profile = _deliver(desk, profile, attempt.eid)
        steps = (Step(DOWNLOAD), *steps)
    profile = desk.books.move(profile, ProfileState.ERROR)
    return Ending(profile, attempt.eid, steps, error)
