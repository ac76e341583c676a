"""The four ES2+ functions that an operator calls (SGP.22 v2.2, 5.3.1 to 5.3.4).

Each function checks the whole message, then changes the books and returns the fields of its
answer. It raises `Refused` before it changes anything. A refusal about the profile has a code that
the standard lists for this function; one about a malformed message has the subject 1.6, function.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from simulators.smdp.books import Attempts, Profile
from simulators.smdp.desk import Desk
from simulators.smdp.es2plus import (
    HOST_NAME,
    Refused,
    parse_eid,
    parse_iccid,
    parse_matching_id,
    parse_text,
)
from simulators.smdp.states import NEXT_STATES, ProfileState

ACTIVATION_CODE_LIMIT = 255
ORDERED = frozenset({ProfileState.ALLOCATED, ProfileState.LINKED})
GONE_TO_DEVICE = frozenset({ProfileState.DOWNLOADED, ProfileState.INSTALLED})


def download_order(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Reserve the profile that the message names, or one of its type from the stock."""
    eid = parse_eid(body)
    profile_type = parse_text(body, "profileType")
    asked = body.get("iccid")
    if not asked and not profile_type:
        raise Refused("1.6", "2.3", "iccid or profileType is required")
    desk.check_type(profile_type)
    profile = desk.profile(parse_iccid(body)) if asked else desk.take_from_stock(profile_type)
    if profile.state != ProfileState.AVAILABLE:
        raise Refused("8.2.1", "3.3", "this ICCID is not available")
    if profile.profile_type and profile_type not in {"", profile.profile_type}:
        raise Refused("8.2.5", "3.8", "this ICCID has another profile type")
    new = ProfileState.LINKED if eid else ProfileState.ALLOCATED
    desk.books.move(profile, new, eid=eid, profile_type=profile_type or profile.profile_type)
    return {"iccid": asked or profile.iccid}


def confirm_order(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Bind the matching id and, with releaseFlag, release the profile for download.

    SGP.22 v2.2, 3.1.6, lists no transition for a repeat, so it is refused as a strict server would
    do: for the matching id if it is the one in use. Otherwise the function is not allowed on this
    profile, which is the only listed code that says so.
    """
    iccid, given_eid, matching_id = parse_iccid(body), parse_eid(body), parse_matching_id(body)
    is_released = _release_flag(body)
    code = parse_text(body, "confirmationCode")
    profile = desk.profile(iccid)
    _check_can_be_confirmed(desk, profile, matching_id)
    if given_eid and profile.eid not in {"", given_eid}:
        raise Refused("8.1.1", "3.10", "another EID is bound to this profile")
    eid = given_eid or profile.eid
    _check_use_case(body, eid=eid, matching_id=matching_id)
    bound = _invent_matching_id() if matching_id is None else matching_id
    if len(f"1${desk.address}${bound}") > ACTIVATION_CODE_LIMIT:
        raise Refused("1.6", "2.1", "the activation code would be too long")
    desk.books.move(
        profile,
        ProfileState.RELEASED if is_released else ProfileState.CONFIRMED,
        eid=eid,
        matching_id=bound,
        confirmation_code_hash=hashlib.sha256(code.encode()).hexdigest() if code else "",
    )
    address = {"smdpAddress": desk.address} if desk.names_address else {}
    return {"matchingId": bound, **address, **({"eid": eid} if eid else {})}


def cancel_order(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Cancel the order of a profile that no device has.

    The profile returns to the stock or becomes Unavailable for ever.
    """
    iccid, eid, matching_id = parse_iccid(body), parse_eid(body), parse_matching_id(body)
    final = _final_state(body)
    profile = desk.profile(iccid)
    if profile.state in GONE_TO_DEVICE:
        raise Refused("8.2.1", "3.3", "this profile has already been downloaded")
    if final not in NEXT_STATES[profile.state]:
        raise Refused("8.2.1", "3.9", "there is no order for this ICCID")
    _check_binding(profile, eid=eid, matching_id=matching_id)
    # A cancelled profile is bound to nothing, so the old activation code finds nothing.
    desk.books.move(profile, final, eid="", matching_id=None, confirmation_code_hash="")
    desk.books.set_attempts(profile, Attempts())
    return {}


def release_profile(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """Release a profile for download; a repeat changes nothing (SGP.22 v2.2, 5.3.4, note)."""
    profile = desk.profile(parse_iccid(body))
    if profile.state == ProfileState.RELEASED:
        return {}
    if profile.state != ProfileState.CONFIRMED:
        raise Refused("8.2.1", "3.5", f"a profile that is {profile.state} cannot be released")
    desk.books.move(profile, ProfileState.RELEASED)
    return {}


FUNCTIONS: dict[str, Callable[[Desk, dict[str, Any]], dict[str, Any]]] = {
    "downloadOrder": download_order,
    "confirmOrder": confirm_order,
    "cancelOrder": cancel_order,
    "releaseProfile": release_profile,
}


def _check_can_be_confirmed(desk: Desk, profile: Profile, matching_id: str | None) -> None:
    holder = desk.books.bound_to(matching_id) if matching_id else None
    if holder is not None:
        raise Refused("8.2.6", "3.3", "this matching id is in use")
    if profile.state not in ORDERED:
        raise Refused("8.2.1", "1.2", f"a profile that is {profile.state} cannot be confirmed")


def _check_use_case(body: dict[str, Any], *, eid: str, matching_id: str | None) -> None:
    """Check the rules of the default SM-DP+ and the SM-DS use cases (SGP.22 v2.2, 5.3.2, table)."""
    discovery = parse_text(body, "smdsAddress")
    if (matching_id == "" or discovery) and not eid:
        raise Refused("8.1.1", "2.2", "an EID is required")
    if discovery and matching_id == "":
        raise Refused("1.6", "2.1", "an SM-DS event requires a matching id")
    if discovery and not HOST_NAME.fullmatch(discovery):
        raise Refused("8.9", "5.1", "this SM-DS cannot be reached")


def _check_binding(profile: Profile, *, eid: str, matching_id: str | None) -> None:
    """Check what is bound to the order. What is bound and missing differs too."""
    if profile.eid and profile.eid != eid:
        raise Refused("8.2.1", "3.10", "an EID is bound, and it is not the one sent")
    if profile.matching_id is not None and profile.matching_id != matching_id:
        raise Refused("8.2.6", "3.10", "a matching id is bound, and it is not the one sent")


def _release_flag(body: dict[str, Any]) -> bool:
    flag = body.get("releaseFlag")
    if flag is None:
        raise Refused("1.6", "2.2", "releaseFlag is missing")
    if not isinstance(flag, bool):
        raise Refused("1.6", "2.1", "releaseFlag must be true or false")
    return flag


def _final_state(body: dict[str, Any]) -> ProfileState:
    final = body.get("finalProfileStatusIndicator")
    if final in (None, ""):
        raise Refused("1.6", "2.2", "finalProfileStatusIndicator is missing")
    if final not in ("Available", "Unavailable"):
        raise Refused("1.6", "2.1", "finalProfileStatusIndicator is not a known state")
    return ProfileState(final)


def _invent_matching_id() -> str:
    return "-".join(secrets.token_hex(3).upper() for _ in range(4))
