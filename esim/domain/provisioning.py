"""Provisioning of a profile at the SM-DP+, one ES2+ call at a time.

If an answer was lost, the call is repeated. The answer "already" to the repeat then means success,
because the portal chose ICCID and matching id itself and committed them before the first call
(docs/es2plus.md#repeats). `esim.domain.decisions` says what each answer means.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from django.db import transaction
from django.utils.timezone import now

from esim.domain.calls import (
    Call,
    call_and_record,
    may_be_ordered_again,
    may_exist_at_smdp,
    may_have_been_done_before,
    order_may_still_arrive,
)
from esim.domain.decisions import ALERTING, Decision, decide
from esim.es2plus.functions import CancelOrder, ConfirmOrder, DownloadOrder, ReleaseProfile
from esim.models import Es2Call, Profile, Sim
from esim.states import NEXT_STATES, ProfileState, SimState
from moportal.database import statements
from moportal.database.statements import compare_and_set
from moportal.http_client import ServiceUnavailable

log = structlog.get_logger(__name__)
Outcome = Es2Call.Outcome


class SmdpUnavailable(ServiceUnavailable):
    """The SM-DP+ gave no usable answer; calling again may help."""


class ProfileRefused(Exception):
    """The SM-DP+ refuses this profile; calling again cannot help."""


class OutOfStock(ProfileRefused):
    """The SM-DP+ has no profile of this type left."""


def make_ready(profile: Profile, *, before_call: Callable[[], None]) -> Profile:
    """Bring a profile to the state released: DownloadOrder, then ConfirmOrder with release.

    `before_call` is called before every call to the SM-DP+: the caller renews its lease there.
    Raises `SmdpUnavailable`, `OutOfStock` or `ProfileRefused`.
    """
    # A step is left out if an earlier run has already stored its result.
    if profile.state == ProfileState.INTENDED:
        _download_order(profile, before_call)
    if profile.state == ProfileState.RESERVED:
        _confirm_order(profile, before_call)
    if profile.state not in {ProfileState.RELEASED, ProfileState.DOWNLOADED}:
        raise _refusal(profile)
    return profile


def _download_order(profile: Profile, before_call: Callable[[], None]) -> None:
    call = call_and_record(profile, _download_order_of(profile), before_call)
    if _apply_decision(profile, call):
        move(profile, ProfileState.RESERVED)


def _download_order_of(profile: Profile) -> DownloadOrder:
    return DownloadOrder(profile.sim.iccid, profile.sim.profile_type, eid=profile.eid)


def _confirm_order(profile: Profile, before_call: Callable[[], None]) -> None:
    function = ConfirmOrder(profile.sim.iccid, profile.matching_id, eid=profile.eid)
    call = call_and_record(profile, function, before_call)
    if _apply_decision(profile, call):
        confirmed = call.answer.result
        # SGP.22 v2.2, 5.3.2: an address in the answer must be used in the activation code.
        # After an "already" there is no result. The provider's
        # default address is used then.
        host = confirmed.smdp_address if confirmed else ""
        move(profile, ProfileState.RELEASED, smdp_host=host)


def _apply_decision(profile: Profile, call: Call[Any]) -> bool:
    """Return whether the step succeeded; if it never will, mark the profile as refused.

    Raises `SmdpUnavailable` if the outcome is unknown.
    """
    match call.decision:
        case Decision.GO_ON:
            return True
        # Without an earlier call, "already" means that somebody else has ordered this ICCID.
        case Decision.ALREADY_DONE if may_have_been_done_before(profile, call.row):
            return True
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(profile, call)
        case Decision.OUT_OF_STOCK | Decision.REFUSE:
            move(profile, ProfileState.REFUSED)
        case _:
            # Also an "already" for which the portal made no earlier call.
            log.error("refused by the SM-DP+: staff must check", function=call.row.function)
            move(profile, ProfileState.REFUSED, staff_alert=_alert_text(call))
    return False


def _refusal(profile: Profile) -> ProfileRefused:
    """Return why the profile cannot be made ready, from the last answer to one of its orders."""
    # The last call of all may be a cancel, which does not say why the order failed.
    last = profile.calls.filter(function__in=[DownloadOrder.name, ConfirmOrder.name]).last()
    if profile.state != ProfileState.REFUSED or last is None:
        return ProfileRefused(profile.state)
    codes = (last.subject_code, last.reason_code)
    why = "/".join(filter(None, codes)) or last.detail[:200]
    is_stock = decide(last.function, Outcome(last.outcome), codes) is Decision.OUT_OF_STOCK
    return OutOfStock(why) if is_stock else ProfileRefused(why)


def cancel(profile: Profile, *, before_call: Callable[[], None]) -> bool:
    """Cancel a profile that was not downloaded.

    Its ICCID is retired for good if anything may have been ordered. Otherwise it returns to stock.
    Returns False if the profile was downloaded already. It then stays as it is, and the caller must
    not issue a second one. Raises `SmdpUnavailable`.
    """
    if profile.state == ProfileState.DOWNLOADED:
        return False
    if profile.state in {ProfileState.CANCELLED, ProfileState.UNUSED}:
        return True
    if may_be_ordered_again(profile) and _return_to_stock(profile):
        return True
    # An order that the portal never placed may be somebody else's, and must not be cancelled.
    if may_exist_at_smdp(profile) and not _cancel_at_smdp(profile, before_call):
        log.warning("downloaded before it could be cancelled", iccid=profile.sim.iccid)
        move(profile, ProfileState.DOWNLOADED, downloaded_at=now())
        return False
    # The state decides before the ICCID is retired: a concurrent notice of the download wins.
    move(profile, ProfileState.CANCELLED)
    if profile.state == ProfileState.DOWNLOADED:
        # The notice of the download came during the call.
        return False
    retire(profile)
    return True


@transaction.atomic
def _return_to_stock(profile: Profile) -> bool:
    """Make the ICCID available again, and return whether it is.

    The state decides before the ICCID is released: a concurrent notice of the download wins.
    """
    if not move(profile, ProfileState.UNUSED):
        return False
    compare_and_set(Sim, profile.sim_id, {"state": SimState.RESERVED}, state=SimState.AVAILABLE)
    log.info("iccid returned to stock", iccid=profile.sim.iccid)
    return True


def retire(profile: Profile) -> None:
    """Retire the profile's ICCID: it is never used again."""
    Sim.objects.filter(pk=profile.sim_id).update(state=SimState.RETIRED)


def release(profile: Profile, *, before_call: Callable[[], None]) -> None:
    """Make the SM-DP+ release the profile (SGP.22 v2.2, 5.3.4).

    Harmless if the profile is released already. Raises `SmdpUnavailable` or `ProfileRefused`.
    """
    call = call_and_record(profile, ReleaseProfile(profile.sim.iccid), before_call)
    is_released = profile.state == ProfileState.RELEASED
    match call.decision:
        case Decision.GO_ON:
            return
        # A strict SM-DP+ refuses to release a profile twice (docs/es2plus.md#releaseprofile).
        case Decision.ALREADY_DONE if is_released:
            return
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(profile, call)
    alert_staff(profile, _alert_text(call))
    raise ProfileRefused(call.summary)


def _cancel_at_smdp(profile: Profile, before_call: Callable[[], None]) -> bool:
    """Cancel the order at the SM-DP+, and return False if the profile was downloaded already."""
    cancel_order = CancelOrder(profile.sim.iccid, profile.matching_id, eid=profile.eid)
    call = call_and_record(profile, cancel_order, before_call)
    if call.decision is Decision.WITHOUT_MATCHING_ID:
        # The SM-DP+ never bound the matching id, and refuses a cancel that names it.
        cancel_order = replace(cancel_order, matching_id="")
        call = call_and_record(profile, cancel_order, before_call)
    if _order_may_follow(profile, call):
        call = _cancel_another_order(profile, cancel_order, before_call)

    match call.decision:
        case Decision.GO_ON | Decision.ALREADY_DONE:
            return True
        case Decision.DOWNLOADED:
            return False
        case Decision.RETRY | Decision.ASK:
            raise _unavailable(profile, call)
    # The customer does not pay for it, but could still download it. So the cancel is retried.
    alert_staff(profile, _alert_text(call))
    raise _unavailable(profile, call)


def _order_may_follow(profile: Profile, call: Call[Any]) -> bool:
    """Return whether this cancel found no order, although a DownloadOrder may still arrive."""
    return call.decision is Decision.ALREADY_DONE and order_may_still_arrive(profile)


def _cancel_another_order(
    profile: Profile, cancel_order: CancelOrder, before_call: Callable[[], None]
) -> Call[Any]:
    """Order the profile once more, and cancel that order.

    A DownloadOrder that arrives later has no effect then, because a cancelled ICCID cannot be
    ordered again. Raises `SmdpUnavailable` if this cancel finds no order either.
    """
    call_and_record(profile, _download_order_of(profile), before_call)
    call = call_and_record(profile, cancel_order, before_call)
    if _order_may_follow(profile, call):
        raise SmdpUnavailable("a DownloadOrder may still arrive")
    return call


def alert_staff(profile: Profile, text: str) -> None:
    """Put the profile on the list of those that staff must check."""
    log.error("staff must check a profile", alert=text.partition("\n")[0])
    profile.staff_alert = text
    compare_and_set(Profile, profile.pk, {}, staff_alert=text)


def clear_staff_alert(profile: Profile) -> None:
    """Clear the staff alert. The recorded calls are kept."""
    compare_and_set(Profile, profile.pk, {}, staff_alert="")


def _unavailable(profile: Profile, call: Call[Any]) -> SmdpUnavailable:
    """Return the error for a call that is repeated. Staff are alerted if they must act."""
    answer = call.answer
    if answer.outcome in ALERTING or answer.is_setting:
        alert_staff(profile, _alert_text(call))
    return SmdpUnavailable(
        answer.detail[:200], retry_after=answer.retry_after, is_setting=answer.is_setting
    )


def _alert_text(call: Call[Any]) -> str:
    return f"{call.row.function}: {call.summary}\n{call.answer.detail[:1000]}"


def move(profile: Profile, new: ProfileState, **fields: Any) -> bool:
    """Move the profile to a new state, and return whether it moved. All moves are made here.

    If another worker moved it first, or if the move would go backwards, nothing changes.
    """
    return statements.move(profile, NEXT_STATES, new, **fields)
