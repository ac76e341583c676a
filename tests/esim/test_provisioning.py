"""`esim.domain.provisioning`: never blindly twice, never somebody else's, never left behind."""

from typing import Any

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from esim.domain import calls, pool, provisioning
from esim.domain.provisioning import ProfileRefused, SmdpUnavailable
from esim.models import Es2Call, Profile
from esim.states import NEXT_STATES, ProfileState, SimState
from outbox.domain import LeaseLost
from tests.builders import EID, make_pool
from tests.providers import books, break_it, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile(smdp: str) -> Profile:
    """Return a profile that was written down and not asked for yet."""
    make_pool(1)
    return pool.intend(eid=EID, profile_type="consumer")


def ask(profile: Profile) -> Profile:
    return provisioning.make_ready(profile, before_call=lambda: None)


def withdraw(profile: Profile) -> bool:
    return provisioning.cancel(profile, before_call=lambda: None)


def at_smdp(smdp: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = books(smdp)["profiles"]
    return found


def test_the_intent_is_there_before_any_call(profile: Profile) -> None:
    assert profile.sim.state == SimState.RESERVED
    assert profile.matching_id
    assert not Es2Call.objects.exists()


def test_it_is_asked_for_by_our_own_iccid_and_matching_id(profile: Profile, smdp: str) -> None:
    ask(profile)

    (there,) = at_smdp(smdp)
    assert there["iccid"] == profile.sim.iccid
    assert there["matchingId"] == profile.matching_id
    assert (there["eid"], there["state"]) == (EID, "Released")


def test_without_an_eid_none_is_named(smdp: str) -> None:
    make_pool(1)
    profile = ask(pool.intend(eid="", profile_type="consumer"))

    assert profile.state == ProfileState.RELEASED
    assert all("eid" not in call.request for call in profile.calls.all())


def test_every_call_is_a_row_with_what_came_of_it(profile: Profile) -> None:
    ask(profile)

    rows = list(profile.calls.values_list("function", "outcome"))
    assert rows == [("downloadOrder", "success"), ("confirmOrder", "success")]
    assert all(call.answered_at for call in profile.calls.all())


def test_an_iccid_that_is_taken_there_is_a_conflict_on_a_first_try(
    profile: Profile, smdp: str
) -> None:
    taken = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
    }
    httpx.post(
        f"{smdp}/gsma/rsp2/es2plus/downloadOrder",
        json=taken,
        headers={"X-Admin-Protocol": "gsma/rsp/v2.2.0"},
        trust_env=False,
    )

    with pytest.raises(ProfileRefused, match=r"8\.2\.1/3\.3"):
        ask(profile)

    assert profile.state == ProfileState.REFUSED


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_after_a_lost_answer_already_means_ours(profile: Profile, smdp: str, function: str) -> None:
    break_it(smdp, function, "drop_after")
    with pytest.raises(SmdpUnavailable):
        ask(profile)

    ask(profile)

    assert profile.state == ProfileState.RELEASED
    assert states(smdp) == ["Released"]


def test_before_every_call_the_lease_is_prolonged(profile: Profile) -> None:
    prolonged: list[int] = []

    provisioning.make_ready(profile, before_call=lambda: prolonged.append(1))

    assert len(prolonged) == 2


def test_cancelling_retires_the_iccid(profile: Profile, smdp: str) -> None:
    assert withdraw(ask(profile))

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert states(smdp) == ["Unavailable"]


def test_cancelling_what_was_never_asked_for_calls_nobody(profile: Profile, smdp: str) -> None:
    withdraw(profile)

    assert profile.state == ProfileState.CANCELLED
    assert at_smdp(smdp) == []


def test_cancelling_after_a_confirm_that_may_have_been_lost(profile: Profile, smdp: str) -> None:
    break_it(smdp, "confirmOrder", "drop_before")
    with pytest.raises(SmdpUnavailable):
        ask(profile)

    withdraw(profile)

    assert profile.state == ProfileState.CANCELLED
    assert states(smdp) == ["Unavailable"]


def test_an_order_that_may_still_be_on_its_way_is_made_to_come_to_nothing(
    profile: Profile, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "drop_before")
    with pytest.raises(SmdpUnavailable):
        ask(profile)

    withdraw(profile)

    assert profile.state == ProfileState.CANCELLED
    asked = [call.function for call in profile.calls.all()]
    assert asked == ["downloadOrder", "cancelOrder", "downloadOrder", "cancelOrder"]
    assert states(smdp) == ["Unavailable"]


def test_it_is_not_called_cancelled_while_that_is_not_sure(profile: Profile, smdp: str) -> None:
    break_it(smdp, "downloadOrder", "drop_before", times=2)
    with pytest.raises(SmdpUnavailable):
        ask(profile)

    with pytest.raises(SmdpUnavailable, match="may still arrive"):
        withdraw(profile)
    assert profile.state == ProfileState.INTENDED

    withdraw(profile)
    assert profile.state == ProfileState.CANCELLED


def test_an_order_that_was_answered_with_an_error_is_not_on_its_way(
    profile: Profile, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    with pytest.raises(SmdpUnavailable):
        ask(profile)

    withdraw(profile)

    assert profile.state == ProfileState.CANCELLED
    assert [call.function for call in profile.calls.all()] == ["downloadOrder", "cancelOrder"]


def test_a_lost_cancel_is_asked_again(profile: Profile, smdp: str) -> None:
    ask(profile)
    break_it(smdp, "cancelOrder", "drop_after")
    with pytest.raises(SmdpUnavailable):
        withdraw(profile)

    withdraw(profile)

    assert profile.state == ProfileState.CANCELLED


def test_a_downloaded_profile_is_not_cancelled(profile: Profile, smdp: str) -> None:
    ask(profile)
    code = str(profile.activation_code)
    httpx.post(
        f"{smdp}/device/download", json={"activationCode": code, "eid": EID}, trust_env=False
    )

    assert not withdraw(profile)

    profile.sim.refresh_from_db()
    assert profile.state == ProfileState.DOWNLOADED
    assert profile.sim.state != SimState.RETIRED
    assert states(smdp) == ["Installed"]


def test_a_profile_is_released_once_more_without_harm(profile: Profile, smdp: str) -> None:
    ask(profile)

    provisioning.release(profile, before_call=lambda: None)

    assert [call.function for call in profile.calls.all()][-1] == "releaseProfile"
    assert states(smdp) == ["Released"]


def test_a_release_that_is_refused_or_unanswered_says_so(profile: Profile, smdp: str) -> None:
    ask(profile)
    break_it(smdp, "releaseProfile", "drop_before")
    with pytest.raises(SmdpUnavailable):
        provisioning.release(profile, before_call=lambda: None)

    withdraw(profile)
    with pytest.raises(ProfileRefused):
        provisioning.release(profile, before_call=lambda: None)


def test_no_state_is_reached_from_one_that_does_not_lead_there(profile: Profile) -> None:
    for old in ProfileState:
        for new in set(ProfileState) - NEXT_STATES[old]:
            Profile.objects.filter(pk=profile.pk).update(state=ProfileState.INTENDED)
            profile.state = old
            if old == ProfileState.DOWNLOADED:
                continue
            Profile.objects.filter(pk=profile.pk).update(state=old)

            assert not provisioning.move(profile, new)


def test_a_release_refused_for_one_that_we_know_released_is_believed(
    profile: Profile, smdp: str
) -> None:
    ask(profile)
    told = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
        "eid": EID,
        "matchingId": profile.matching_id,
        "finalProfileStatusIndicator": "Unavailable",
    }
    cancel = f"{smdp}/gsma/rsp2/es2plus/cancelOrder"
    headers = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    httpx.post(cancel, json=told, headers=headers, trust_env=False).raise_for_status()
    assert states(smdp) == ["Unavailable"]

    provisioning.release(profile, before_call=lambda: None)

    assert (profile.calls.last().subject_code, profile.calls.last().reason_code) == (  # type: ignore[union-attr]  # it was called
        "8.2.1",
        "3.5",
    )


def test_what_is_cancelled_or_downloaded_is_not_asked_about(profile: Profile, smdp: str) -> None:
    withdraw(ask(profile))
    asked = profile.calls.count()

    assert withdraw(profile)
    with pytest.raises(ProfileRefused, match="cancelled"):
        ask(profile)
    profile.state = ProfileState.DOWNLOADED
    assert not withdraw(profile)

    assert profile.calls.count() == asked


def test_a_download_told_while_we_cancelled_is_believed(profile: Profile, smdp: str) -> None:
    ask(profile)
    seen = Profile.objects.select_related("sim", "provider").get(pk=profile.pk)
    provisioning.move(profile, ProfileState.DOWNLOADED, downloaded_at=now())

    assert not withdraw(seen)

    assert seen.state == ProfileState.DOWNLOADED


def test_a_worker_that_lost_its_lease_calls_nobody(profile: Profile, smdp: str) -> None:
    def taken_over() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        provisioning.make_ready(profile, before_call=taken_over)

    assert profile.calls.get().outcome == Es2Call.Outcome.NOT_SENT
    assert at_smdp(smdp) == []


def test_while_a_customer_looks_on_what_hangs_is_given_up_soon(
    profile: Profile, settings: Settings
) -> None:
    settings.OUTSIDE_CALL_TIMEOUT = 8
    profile.provider.timeout = 2.5
    assert calls.call_timeout(profile) == 2.5

    settings.OUTSIDE_CALL_TIMEOUT = 1
    assert calls.call_timeout(profile) == 1

    settings.OUTSIDE_CALL_TIMEOUT = 8
    profile.created_at -= calls.CUSTOMER_WATCHES
    assert calls.call_timeout(profile) == 8


def test_what_somebody_else_has_ordered_is_not_cancelled(profile: Profile, smdp: str) -> None:
    taken = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
    }
    headers = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    httpx.post(
        f"{smdp}/gsma/rsp2/es2plus/downloadOrder", json=taken, headers=headers, trust_env=False
    )
    with pytest.raises(ProfileRefused):
        ask(profile)

    assert withdraw(profile)

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert states(smdp) == ["Allocated"]
