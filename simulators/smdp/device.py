"""The device's side: what a download comes to, in the words of Windows' ESimOperationStatus."""

import hashlib
import json
import uuid
from http import HTTPStatus
from typing import Any

from simulators.http import HttpRefusal
from simulators.notify import Notice, send_in_background
from simulators.smdp.books import Books, Profile, timestamp
from simulators.smdp.es2plus import EID, PATH, PROTOCOL, SUCCESS
from simulators.smdp.functions import Desk
from simulators.smdp.states import ProfileState

PROGRESS = "handleDownloadProgressInfo"
DOWNLOAD_POINT = 3
INSTALLATION_POINT = 4
REQUESTER = "2.999.20"

REFUSALS = {
    ProfileState.CONFIRMED: "ProfileNotReleasedByOperator",
    ProfileState.INSTALLED: "ProfileNotAvailableForNewBinding",
    ProfileState.ERROR: "ProfileNotAvailableForNewBinding",
}
# How a download may end: as it should, before the installation, or with the eUICC's refusal.
ENDS = {
    "installed": ProfileState.INSTALLED,
    "downloaded": ProfileState.DOWNLOADED,
    "error": ProfileState.ERROR,
}
LOAD_ERROR = {"subjectCode": "8.2.10", "reasonCode": "4.2", "message": "the profile did not load"}


class DownloadFailed(Exception):
    """The LPA's error name is the message."""


def download(desk: Desk, body: dict[str, Any]) -> tuple[Profile, ProfileState]:
    """Take the profile of an activation code to the device; raises `DownloadFailed`.

    A profile that is not linked becomes linked to the EID that downloads it (3.1.6).
    """
    eid, end = body.get("eid"), ENDS.get(str(body.get("end", "installed")))
    if not isinstance(eid, str) or not EID.fullmatch(eid):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_eid")
    if end is None:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_end")
    profile = _eligible(desk, body, eid)
    if profile.state == ProfileState.RELEASED:
        profile = desk.books.move(profile, ProfileState.DOWNLOADED, eid=eid)
    if end != ProfileState.DOWNLOADED:
        profile = desk.books.move(profile, end)
    return profile, end


def _eligible(desk: Desk, body: dict[str, Any], eid: str) -> Profile:
    matching_id = _matching_id(desk, body.get("activationCode"))
    books = desk.books
    profile = books.bound_to(matching_id) if matching_id else books.waiting_for(eid)
    if profile is None:
        raise DownloadFailed("InvalidMatchingId")
    if profile.eid not in {"", eid}:
        raise DownloadFailed("EidMismatch")
    if profile.state in REFUSALS:
        raise DownloadFailed(REFUSALS[profile.state])
    _check_confirmation_code(profile, body.get("confirmationCode"))
    return profile


def _matching_id(desk: Desk, activation_code: object) -> str:
    """Take `1$host$matching id` apart (4.1); what else may follow is not looked at."""
    parts = activation_code.split("$") if isinstance(activation_code, str) else []
    if len(parts) < 3 or parts[0] != "1":  # noqa: PLR2004 -- format, address, token
        raise DownloadFailed("InvalidMatchingId")
    if parts[1].lower() != desk.address.lower():
        raise DownloadFailed("ServerNotReachable")
    return parts[2]


def _check_confirmation_code(profile: Profile, code: object) -> None:
    if not profile.confirmation_code_hash:
        return
    if not isinstance(code, str) or not code:
        raise DownloadFailed("ConfirmationCodeMissing")
    if hashlib.sha256(code.encode()).hexdigest() != profile.confirmation_code_hash:
        raise DownloadFailed("IncorrectConfirmationCode")


def tell_progress(books: Books, operator: str, profile: Profile, end: ProfileState) -> None:
    """Send HandleDownloadProgressInfo (5.3.5): the download, then how the installation ended."""
    statuses: list[tuple[int, dict[str, Any]]] = [(DOWNLOAD_POINT, {"status": SUCCESS})]
    if end == ProfileState.INSTALLED:
        statuses.append((INSTALLATION_POINT, {"status": SUCCESS}))
    if end == ProfileState.ERROR:
        statuses.append((INSTALLATION_POINT, {"status": "Failed", "statusCodeData": LOAD_ERROR}))
    send_in_background([_notice(books, operator, profile, *status) for status in statuses])


def _notice(
    books: Books, operator: str, profile: Profile, point: int, status: dict[str, Any]
) -> Notice:
    call_identifier = str(uuid.uuid4())
    header = {
        "functionRequesterIdentifier": REQUESTER,
        "functionCallIdentifier": call_identifier,
    }
    message = {
        "header": header,
        "eid": profile.eid,
        "iccid": profile.iccid,
        "profileType": profile.profile_type,
        "timestamp": timestamp(),
        "notificationPointId": point,
        "notificationPointStatus": status,
    }

    def write_down(answer: int) -> None:
        books.write_down(
            PROGRESS,
            iccid=profile.iccid,
            call_identifier=call_identifier,
            status=f"{answer}" if answer else "Unreachable",
        )

    headers = {"Content-Type": "application/json", "X-Admin-Protocol": PROTOCOL}
    body = json.dumps(message, ensure_ascii=False).encode()
    return Notice(operator + PATH + PROGRESS, body, headers, write_down)
