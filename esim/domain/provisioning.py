"""Making a profile ready at the SM-DP+, one ES2+ call at a time.

Nothing is repeated blindly. A call whose answer was lost is decided by calling again and reading
"already" as ours, which is sound because ICCID and matching id are our own and were committed
before the first call (docs/es2plus.md#repeats). `esim.domain.decisions` says what an answer means.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from django.utils.timezone import now

from esim.domain.calls import (
    Call,
    call_and_record,
    may_exist_at_smdp,
    may_have_been_done_before,
    order_may_still_arrive,
)
from esim.domain.decisions import Decision, decide
from esim.es2plus.client import CancelOrder, ConfirmOrder, DownloadOrder, ReleaseProfile
from esim.models import Es2Call, Profile, Sim
from esim.states import NEXT_STATES, ProfileState, SimState
from moportal import statements
from moportal.http_client import ServiceUnavailable
from moportal.statements import compare_and_set

log = structlog.get_logger(__name__)
Outcome = Es2Call.Outcome


class SmdpUnavailable(ServiceUnavailable):
    """The SM-DP+ gave no usable answer; asking again may help."""


class ProfileRefused(Exception):
    """The SM-DP+ will not give this profile; asking again cannot help."""


class OutOfStock(ProfileRefused):
    """The SM-DP+ has no profile of this type left."""


def make_ready(profile: Profile, *, before_call: Callable[[], None]) -> Profile:
    """Bring a profile to Released: DownloadOrder, then ConfirmOrder with release.

    `before_call` is run before every call outside (the caller prolongs its lease there).
    Raises `SmdpUnavailable`, `OutOfStock` or `ProfileRefused`.
    """
    if profile.state == ProfileState.INTENDED:
        _download_order(profile, before_call)
    if profile.state == ProfileState.RESERVED:
        _confirm_order(profile, before_call)
    if profile.state not in {ProfileState.RELEASED, ProfileState.DOWNLOADED}:
        raise _refusal(profile)
    return profile


def _download_order(profile: Profile, before_call: Callable[[], None]) -> None:
    if _is_done(profile, call_and_record(profile, _order(profile), before_call)):
        move(profile, ProfileState.RESERVED)


def _order(profile: Profile) -> DownloadOrder:
    return DownloadOrder(profile.sim.iccid, profile.sim.profile_type, eid=profile.eid)


def _confirm_order(profile: Profile, before_call: Callable[[], None]) -> None:
    asked = ConfirmOrder(profile.sim.iccid, profile.matching_id, eid=profile.eid)
    call = call_and_record(profile, asked, before_call)
    if _is_done(profile, call):
        confirmed = call.answer.result
        # SGP.22, 5.3.2: an address given here must be used in the activation code.
        host = (confirmed and confirmed.smdp_address) or profile.smdp_host
        move(profile, ProfileState.RELEASED, smdp_host=host)


def _is_done(profile: Profile, call: Call[Any]) -> bool:
    """Say whether the step is done; give the profile up where it never will be.

    Raises `SmdpUnavailable` where nobody knows yet.
    """
    match call.decision:
        case Decision.GO_ON:
            return True
        case Decision.ALREADY_DONE if may_have_been_done_before(profile, call.row):
            return True
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(call)
        case Decision.OUT_OF_STOCK | Decision.REFUSE:
            move(profile, ProfileState.REFUSED)
        case _:
            log.error("refused by the SM-DP+: staff must check", function=call.row.function)
            move(profile, ProfileState.REFUSED, staff_alert=_alert_text(call))
    return False


def _refusal(profile: Profile) -> ProfileRefused:
    """Return why a profile will never be ready, by the last answer to what was asked for it."""
    last = profile.calls.filter(function__in=[DownloadOrder.name, ConfirmOrder.name]).last()
    if profile.state != ProfileState.REFUSED or last is None:
        return ProfileRefused(profile.state)
    codes = (last.subject_code, last.reason_code)
    why = "/".join(filter(None, codes)) or last.detail[:200]
    is_stock = decide(last.function, Outcome(last.outcome), codes) is Decision.OUT_OF_STOCK
    return OutOfStock(why) if is_stock else ProfileRefused(why)


def cancel(profile: Profile, *, before_call: Callable[[], None]) -> bool:
    """Withdraw a profile that was not downloaded; its ICCID is retired, never recycled.

    Returns False where it was downloaded already: then it stays what it is, and who asks must not
    issue a second one. Raises `SmdpUnavailable`.
    """
    if profile.state == ProfileState.DOWNLOADED:
        return False
    if profile.state == ProfileState.CANCELLED:
        return True
    # What was never ordered, or not by us, is not ours to cancel.
    if may_exist_at_smdp(profile) and not _cancelled_there(profile, before_call):
        log.warning("downloaded before it could be cancelled", iccid=profile.sim.iccid)
        move(profile, ProfileState.DOWNLOADED, downloaded_at=now())
        return False
    move(profile, ProfileState.CANCELLED)
    if profile.state == ProfileState.DOWNLOADED:
        # The notification of the download came while we were asking.
        return False
    retire(profile)
    return True


def retire(profile: Profile) -> None:
    """Take the ICCID out of use for ever."""
    Sim.objects.filter(pk=profile.sim_id).update(state=SimState.RETIRED)


def release(profile: Profile, *, before_call: Callable[[], None]) -> None:
    """Ask for a profile that the SM-DP+ has not released to be released (SGP.22, 5.3.4).

    Harmless for one that is released. Raises `SmdpUnavailable` or `ProfileRefused`.
    """
    call = call_and_record(profile, ReleaseProfile(profile.sim.iccid), before_call)
    is_released = profile.state == ProfileState.RELEASED
    match call.decision:
        case Decision.GO_ON:
            return
        case Decision.ALREADY_DONE if is_released:
            return
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(call)
    _alert_staff(profile, call)
    raise ProfileRefused(call.summary)


def _cancelled_there(profile: Profile, before_call: Callable[[], None]) -> bool:
    """Cancel the order at the SM-DP+; False where the profile was downloaded already.

    Where the SM-DP+ never bound the matching id it refuses the pair, and is asked without it. Where
    it knows of no order although one of ours may still be on its way, that one is not waited for:
    it is ordered once more, so that there is something to cancel and the late one comes to nothing.
    """
    asked = CancelOrder(profile.sim.iccid, profile.matching_id, eid=profile.eid)
    call = call_and_record(profile, asked, before_call)
    if call.decision is Decision.WITHOUT_MATCHING_ID:
        asked = replace(asked, matching_id="")
        call = call_and_record(profile, asked, before_call)
    if call.decision is Decision.ALREADY_DONE and order_may_still_arrive(profile):
        call_and_record(profile, _order(profile), before_call)
        call = call_and_record(profile, asked, before_call)
        if call.decision is Decision.ALREADY_DONE and order_may_still_arrive(profile):
            raise SmdpUnavailable("an order of ours may still be on its way")
    match call.decision:
        case Decision.GO_ON | Decision.ALREADY_DONE:
            return True
        case Decision.DOWNLOADED:
            return False
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(call)
    # Nobody pays for it, but it can still be downloaded: it is tried again all the same.
    _alert_staff(profile, call)
    raise _unavailable(call)


def _alert_staff(profile: Profile, call: Call[Any]) -> None:
    """Put the profile on the list of those that staff must check."""
    log.error("refused by the SM-DP+: staff must check", function=call.row.function)
    profile.staff_alert = _alert_text(call)
    compare_and_set(Profile, profile.pk, {}, staff_alert=profile.staff_alert)


def clear_staff_alert(profile: Profile) -> None:
    """Clear the staff alert. The recorded calls are kept."""
    compare_and_set(Profile, profile.pk, {}, staff_alert="")


def _unavailable(call: Call[Any]) -> SmdpUnavailable:
    return SmdpUnavailable(call.answer.detail[:200], retry_after=call.answer.retry_after)


def _alert_text(call: Call[Any]) -> str:
    return f"{call.row.function}: {call.summary}\n{call.answer.detail[:1000]}"


def move(profile: Profile, new: ProfileState, **fields: Any) -> bool:
    """Compare and set the profile's state, the one door to it; say whether it moved.

    A move that another worker made first, or that would go backwards, changes nothing.
    """
    return statements.move(profile, NEXT_STATES, new, **fields)
