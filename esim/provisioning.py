"""Making a profile ready at the SM-DP+, one ES2+ call at a time.

Nothing is repeated blindly. A call whose answer was lost is decided by calling again and reading
"already" as ours, which is sound because ICCID and matching id are our own and were committed
before the first call (`es2plus.md`, section 7).
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import structlog
from django.utils.timezone import now

from esim import es2plus
from esim.models import Es2Call, Profile, Sim
from esim.states import NEXT_STATES, ProfileState, SimState
from moportal import statements
from moportal.logging import masked
from moportal.statements import compare_and_set, insert

log = structlog.get_logger(__name__)
Outcome = Es2Call.Outcome

# (subject, reason) that say "this is done already", if an earlier call of ours may have done it.
ALREADY_ORDERED = frozenset({("8.2.1", "3.3")})
ALREADY_CONFIRMED = frozenset({("8.2.6", "3.3"), ("8.2.1", "3.3"), ("8.2.1", "3.5")})
# What a cancel meets: no order left, another matching id (or none) bound, downloaded already.
NOTHING_TO_CANCEL = ("8.2.1", "3.9")
NOT_BOUND = ("8.2.6", "3.10")
ALREADY_DOWNLOADED = ("8.2.1", "3.3")
# What a strict SM-DP+ says to ReleaseProfile of a profile that is released.
RELEASED_ALREADY = ("8.2.1", "3.5")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,120}")


class Trouble(Exception):
    """The SM-DP+ did not answer usefully; asking again later may help."""


class ProfileRefused(Exception):
    """The SM-DP+ will not give this profile; asking again cannot help."""


def make_ready(profile: Profile, *, before_call: Callable[[], None]) -> Profile:
    """Bring a profile to Released: DownloadOrder, then ConfirmOrder with release.

    `before_call` is run before every call outside (the caller prolongs its lease there).
    Raises `Trouble` or `ProfileRefused`.
    """
    if profile.state == ProfileState.INTENDED:
        _download_order(profile, before_call)
    if profile.state == ProfileState.RESERVED:
        _confirm_order(profile, before_call)
    if profile.state not in {ProfileState.RELEASED, ProfileState.DOWNLOADED}:
        raise ProfileRefused(profile.state)
    return profile


def _download_order(profile: Profile, before_call: Callable[[], None]) -> None:
    row, answer = _called(profile, "downloadOrder", _order(profile), before_call)
    if answer.outcome == Outcome.SUCCESS:
        _check_echo(profile, "iccid", _unpadded(answer.body.get("iccid")), profile.sim.iccid)
    elif answer.codes not in ALREADY_ORDERED or not _may_have_done(profile, row.function, row):
        _give_up_or_raise(profile, answer)
    move(profile, ProfileState.RESERVED)


def _order(profile: Profile) -> dict[str, str]:
    return {
        **_device(profile),
        "iccid": es2plus.padded(profile.sim.iccid, profile.provider),
        "profileType": profile.sim.profile_type,
    }


def _confirm_order(profile: Profile, before_call: Callable[[], None]) -> None:
    fields = {
        "iccid": es2plus.padded(profile.sim.iccid, profile.provider),
        **_device(profile),
        "matchingId": profile.matching_id,
        "releaseFlag": True,
    }
    row, answer = _called(profile, "confirmOrder", fields, before_call)
    host = profile.smdp_host
    if answer.outcome == Outcome.SUCCESS:
        matching_id = answer.body.get("matchingId") or profile.matching_id
        _check_echo(profile, "matchingId", matching_id, profile.matching_id)
        _check_echo(profile, "eid", answer.body.get("eid") or profile.eid, profile.eid)
        # SGP.22, 5.3.2: an address given here must be used in the activation code.
        host = answer.body.get("smdpAddress") or host
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            _reject(profile, "ConfirmOrder named an SM-DP+ address that is no host name")
    elif answer.codes not in ALREADY_CONFIRMED or not _may_have_done(profile, row.function, row):
        _give_up_or_raise(profile, answer)
    move(profile, ProfileState.RELEASED, smdp_host=host)


def _unpadded(iccid: object) -> str:
    return iccid.rstrip("Ff") if isinstance(iccid, str) else ""


def _check_echo(profile: Profile, name: str, answered: object, asked: str) -> None:
    """Refuse a success that is not about what we asked for (`es2plus.md`, section 8.8)."""
    if answered != asked:
        _reject(profile, f"the SM-DP+ answered with another {name} than the one asked")


def _reject(profile: Profile, why: str) -> NoReturn:
    """Give the profile up: what was done over there is not what we asked for."""
    move(profile, ProfileState.REFUSED)
    log.error("answer rejected", iccid=profile.sim.iccid, why=why)
    raise ProfileRefused(why)


def cancel(profile: Profile, *, before_call: Callable[[], None]) -> bool:
    """Withdraw a profile that was not downloaded; its ICCID is retired, never recycled.

    Returns False where it was downloaded already: then it stays what it is, and who asks must not
    issue a second one. Raises `Trouble`.
    """
    if profile.state == ProfileState.DOWNLOADED:
        return False
    if profile.state == ProfileState.CANCELLED:
        return True
    if profile.calls.exists() and not _cancelled_there(profile, before_call):
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

    Harmless for one that is released. Raises `Trouble` or `ProfileRefused`.
    """
    fields = {"iccid": es2plus.padded(profile.sim.iccid, profile.provider)}
    answer = _call(profile, "releaseProfile", fields, before_call)
    if answer.codes == RELEASED_ALREADY and profile.state == ProfileState.RELEASED:
        return
    if answer.outcome in {Outcome.FAILED, Outcome.REFUSED}:
        raise ProfileRefused("/".join(answer.codes) or answer.detail[:200])
    if answer.outcome != Outcome.SUCCESS:
        raise Trouble(answer.detail[:200])


def _cancelled_there(profile: Profile, before_call: Callable[[], None]) -> bool:
    """Cancel the order at the SM-DP+; False where the profile was downloaded already.

    EID and matching id go with it, so that a late repeat can never hit another order. Where the
    SM-DP+ never bound the matching id it refuses the pair, and is asked without it. Where it knows
    of no order although one of ours may still be on its way, that one is not waited for: it is
    ordered once more, so that there is something to cancel and the late one comes to nothing.
    """
    fields = {
        "iccid": es2plus.padded(profile.sim.iccid, profile.provider),
        **_device(profile),
        "matchingId": profile.matching_id,
        "finalProfileStatusIndicator": "Unavailable",
    }
    if not _may_have_done(profile, "confirmOrder"):
        del fields["matchingId"]
    answer = _call(profile, "cancelOrder", fields, before_call)
    if answer.codes == NOT_BOUND and "matchingId" in fields:
        del fields["matchingId"]
        answer = _call(profile, "cancelOrder", fields, before_call)
    if answer.codes == NOTHING_TO_CANCEL and _may_be_on_its_way(profile):
        _call(profile, "downloadOrder", _order(profile), before_call)
        answer = _call(profile, "cancelOrder", fields, before_call)
        if answer.codes == NOTHING_TO_CANCEL and _may_be_on_its_way(profile):
            raise Trouble("an order of ours may still be on its way")
    if answer.codes == ALREADY_DOWNLOADED:
        return False
    if answer.outcome != Outcome.SUCCESS and answer.codes != NOTHING_TO_CANCEL:
        raise Trouble(answer.detail[:200])
    return True


def _device(profile: Profile) -> dict[str, str]:
    """Name the eUICC where it is known; on the open web it may not be (SGP.22, 5.3.1: optional)."""
    return {"eid": profile.eid} if profile.eid else {}


def _may_have_done(profile: Profile, function: str, before: Es2Call | None = None) -> bool:
    """Say whether an earlier call of ours may have had its effect, answered or not."""
    without_effect = [Outcome.NOT_SENT, Outcome.FAILED, Outcome.REFUSED]
    calls = profile.calls.filter(function=function).exclude(outcome__in=without_effect)
    return (calls.filter(pk__lt=before.pk) if before else calls).exists()


def _may_be_on_its_way(profile: Profile) -> bool:
    """Say whether a DownloadOrder may still arrive: it was never answered, nor any after it."""
    last = profile.calls.filter(function="downloadOrder").order_by("pk").last()
    return last is not None and last.outcome in {Outcome.UNANSWERED, Outcome.NO_ANSWER}


def _call(
    profile: Profile, function: str, fields: dict[str, Any], before_call: Callable[[], None]
) -> es2plus.Answer:
    return _called(profile, function, fields, before_call)[1]


def _called(
    profile: Profile, function: str, fields: dict[str, Any], before_call: Callable[[], None]
) -> tuple[Es2Call, es2plus.Answer]:
    """Write the call down, make it, and write down what came of it.

    The row comes before `before_call`, where the caller shows that it still holds its lease: who
    took over from a worker that stalled has either seen the row, or the call is never made.
    """
    kept = (
        {**fields, "matchingId": _hidden(profile.matching_id)} if "matchingId" in fields else fields
    )
    row = insert(
        Es2Call, profile=profile, function=function, call_identifier=uuid.uuid4(), request=kept
    )
    try:
        before_call()
    except Exception:
        Es2Call.objects.filter(pk=row.pk).update(outcome=Outcome.NOT_SENT)
        raise
    answer = es2plus.call(
        function, fields, provider=profile.provider, call_identifier=row.call_identifier
    )
    # What came back may repeat what was sent: the secret leaves before anybody keeps or tells it.
    detail = masked(answer.detail.replace(profile.matching_id, _hidden(profile.matching_id)))
    answer = replace(answer, detail=detail)
    compare_and_set(
        Es2Call,
        row.pk,
        {},
        answered_at=now(),
        outcome=answer.outcome,
        subject_code=answer.codes[0],
        reason_code=answer.codes[1],
        detail=answer.detail,
    )
    log.info("es2+", function=function, outcome=answer.outcome, codes="/".join(answer.codes))
    return row, answer


def _hidden(matching_id: str) -> str:
    return "…" + matching_id[-4:]


def _give_up_or_raise(profile: Profile, answer: es2plus.Answer) -> None:
    if answer.outcome in {Outcome.FAILED, Outcome.REFUSED}:
        move(profile, ProfileState.REFUSED)
        raise ProfileRefused("/".join(answer.codes) or answer.detail[:200])
    raise Trouble(answer.detail[:200])


def move(profile: Profile, new: ProfileState, **fields: Any) -> bool:
    """Compare and set the profile's state, the one door to it; say whether it moved.

    A move that another worker made first, or that would go backwards, changes nothing.
    """
    return statements.move(profile, NEXT_STATES, new, **fields)
