"""`esim.domain.provisioning`: no profile is ordered twice, taken from another, or left behind."""

import uuid
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
from tests.builders import EID, OTHER_EID, make_pool
from tests.providers import books, break_it, states

pytestmark = pytest.mark.django_db
Outcome = Es2Call.Outcome


@pytest.fixture
def profile(smdp: str) -> Profile:
    """Return a stored profile that was not ordered yet."""
    make_pool(1)
    return pool.intend(eid=EID, profile_type="consumer")


def make_ready(profile: Profile) -> Profile:
    return provisioning.make_ready(profile, before_call=lambda: None)


def cancel(profile: Profile) -> bool:
    return provisioning.cancel(profile, before_call=lambda: None)


def at_smdp(smdp: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = books(smdp)["profiles"]
    return found


def test_the_profile_is_stored_before_any_call(profile: Profile) -> None:
    assert profile.sim.state == SimState.RESERVED
    assert profile.matching_id
    assert not Es2Call.objects.exists()


def test_the_profile_is_ordered_with_the_stored_iccid_and_matching_id(
    profile: Profile, smdp: str
) -> None:
    make_ready(profile)

    (ordered,) = at_smdp(smdp)
    assert ordered["iccid"] == profile.sim.iccid
    assert ordered["matchingId"] == profile.matching_id
    assert (ordered["eid"], ordered["state"]) == (EID, "Released")


def test_without_an_eid_none_is_sent(smdp: str) -> None:
    make_pool(1)
    profile = make_ready(pool.intend(eid="", profile_type="consumer"))

    assert profile.state == ProfileState.RELEASED
    assert all("eid" not in call.request for call in profile.calls.all())


def test_every_call_is_stored_with_its_outcome(profile: Profile) -> None:
    make_ready(profile)

    rows = list(profile.calls.values_list("function", "outcome"))
    assert rows == [("downloadOrder", "success"), ("confirmOrder", "success")]
    assert all(call.answered_at for call in profile.calls.all())


def test_an_iccid_that_somebody_else_ordered_is_refused(profile: Profile, smdp: str) -> None:
    foreign_order = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
    }
    httpx.post(
        f"{smdp}/gsma/rsp2/es2plus/downloadOrder",
        json=foreign_order,
        headers={"X-Admin-Protocol": "gsma/rsp/v2.2.0"},
        trust_env=False,
    )

    with pytest.raises(ProfileRefused, match=r"8\.2\.1/3\.3"):
        make_ready(profile)

    assert profile.state == ProfileState.REFUSED


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_after_a_lost_answer_already_means_success(
    profile: Profile, smdp: str, function: str
) -> None:
    break_it(smdp, function, "drop_after")
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    make_ready(profile)

    assert profile.state == ProfileState.RELEASED
    assert states(smdp) == ["Released"]


def test_before_call_is_called_before_every_call(profile: Profile) -> None:
    renewals: list[int] = []

    provisioning.make_ready(profile, before_call=lambda: renewals.append(1))

    assert len(renewals) == 2


def test_cancelling_retires_the_iccid(profile: Profile, smdp: str) -> None:
    assert cancel(make_ready(profile))

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert states(smdp) == ["Unavailable"]


def test_cancelling_a_profile_that_was_not_ordered_makes_no_call(
    profile: Profile, smdp: str
) -> None:
    assert cancel(profile)
    assert cancel(profile)

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.UNUSED, SimState.AVAILABLE)
    assert at_smdp(smdp) == []


def test_an_iccid_that_returned_to_stock_is_sold_to_another(profile: Profile, smdp: str) -> None:
    cancel(profile)

    other = make_ready(pool.intend(eid=OTHER_EID, profile_type="consumer"))

    assert (other.sim, other.state) == (profile.sim, ProfileState.RELEASED)
    assert [ordered["eid"] for ordered in at_smdp(smdp)] == [OTHER_EID]


def test_an_order_that_never_reached_the_smdp_uses_up_no_iccid(
    profile: Profile, settings: Settings
) -> None:
    settings.SMDP_URL = "http://127.0.0.1:9"
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    assert cancel(profile)

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.UNUSED, SimState.AVAILABLE)
    assert profile.calls.get().outcome == Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        # No profile of this type is left; the reason says nothing about the ICCID.
        (("8.2.5", "3.7"), SimState.AVAILABLE),
        (("8.2.1", "3.9"), SimState.RETIRED),
        (("9.9", "9.9"), SimState.RETIRED),
    ],
)
def test_an_iccid_that_the_smdp_refused_is_used_up_unless_the_reason_is_another(
    profile: Profile, codes: tuple[str, str], state: SimState
) -> None:
    subject_code, reason_code = codes
    profile.calls.create(
        function="downloadOrder",
        call_identifier=uuid.uuid4(),
        request={},
        outcome=Outcome.FAILED,
        subject_code=subject_code,
        reason_code=reason_code,
    )
    provisioning.move(profile, ProfileState.REFUSED)

    assert cancel(profile)

    profile.sim.refresh_from_db()
    assert profile.sim.state == state


def test_a_download_during_the_cancel_keeps_the_iccid(profile: Profile, smdp: str) -> None:
    seen_before = Profile.objects.get(pk=profile.pk)
    provisioning.move(profile, ProfileState.DOWNLOADED, downloaded_at=now())

    assert not cancel(seen_before)

    profile.sim.refresh_from_db()
    assert (seen_before.state, profile.sim.state) == ("downloaded", SimState.RESERVED)


def test_a_profile_whose_confirmation_may_be_lost_is_cancelled(profile: Profile, smdp: str) -> None:
    break_it(smdp, "confirmOrder", "drop_before")
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    cancel(profile)

    assert profile.state == ProfileState.CANCELLED
    assert states(smdp) == ["Unavailable"]


def test_an_order_that_may_still_arrive_is_placed_again_and_cancelled(
    profile: Profile, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "drop_before")
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    cancel(profile)

    assert profile.state == ProfileState.CANCELLED
    functions = [call.function for call in profile.calls.all()]
    assert functions == ["downloadOrder", "cancelOrder", "downloadOrder", "cancelOrder"]
    assert states(smdp) == ["Unavailable"]


def test_a_profile_is_not_cancelled_while_its_order_may_still_arrive(
    profile: Profile, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "drop_before", times=2)
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    with pytest.raises(SmdpUnavailable, match="may still arrive"):
        cancel(profile)
    assert profile.state == ProfileState.INTENDED

    cancel(profile)
    assert profile.state == ProfileState.CANCELLED


def test_an_order_that_was_answered_with_an_error_cannot_arrive_later(
    profile: Profile, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500")
    with pytest.raises(SmdpUnavailable):
        make_ready(profile)

    cancel(profile)

    assert profile.state == ProfileState.CANCELLED
    assert [call.function for call in profile.calls.all()] == ["downloadOrder", "cancelOrder"]


def test_a_cancel_whose_answer_is_lost_is_repeated(profile: Profile, smdp: str) -> None:
    make_ready(profile)
    break_it(smdp, "cancelOrder", "drop_after")
    with pytest.raises(SmdpUnavailable):
        cancel(profile)

    cancel(profile)

    assert profile.state == ProfileState.CANCELLED


def test_a_downloaded_profile_is_not_cancelled(profile: Profile, smdp: str) -> None:
    make_ready(profile)
    code = str(profile.activation_code)
    httpx.post(
        f"{smdp}/device/download", json={"activationCode": code, "eid": EID}, trust_env=False
    )

    assert not cancel(profile)

    profile.sim.refresh_from_db()
    assert profile.state == ProfileState.DOWNLOADED
    assert profile.sim.state != SimState.RETIRED
    assert states(smdp) == ["Installed"]


def test_a_released_profile_may_be_released_again(profile: Profile, smdp: str) -> None:
    make_ready(profile)

    provisioning.release(profile, before_call=lambda: None)

    assert [call.function for call in profile.calls.all()][-1] == "releaseProfile"
    assert states(smdp) == ["Released"]


def test_a_release_without_an_answer_or_refused_raises_an_error(
    profile: Profile, smdp: str
) -> None:
    make_ready(profile)
    break_it(smdp, "releaseProfile", "drop_before")
    with pytest.raises(SmdpUnavailable):
        provisioning.release(profile, before_call=lambda: None)

    cancel(profile)
    with pytest.raises(ProfileRefused):
        provisioning.release(profile, before_call=lambda: None)


def test_no_move_is_possible_that_the_table_does_not_have(profile: Profile) -> None:
    for old in ProfileState:
        for new in set(ProfileState) - NEXT_STATES[old]:
            Profile.objects.filter(pk=profile.pk).update(state=ProfileState.INTENDED)
            profile.state = old
            if old == ProfileState.DOWNLOADED:
                continue
            Profile.objects.filter(pk=profile.pk).update(state=old)

            assert not provisioning.move(profile, new)


def test_a_refused_release_of_a_released_profile_is_a_success(profile: Profile, smdp: str) -> None:
    make_ready(profile)
    message = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
        "eid": EID,
        "matchingId": profile.matching_id,
        "finalProfileStatusIndicator": "Unavailable",
    }
    cancel = f"{smdp}/gsma/rsp2/es2plus/cancelOrder"
    headers = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    httpx.post(cancel, json=message, headers=headers, trust_env=False).raise_for_status()
    assert states(smdp) == ["Unavailable"]

    provisioning.release(profile, before_call=lambda: None)

    assert (profile.calls.last().subject_code, profile.calls.last().reason_code) == (  # type: ignore[union-attr]  # it was called
        "8.2.1",
        "3.5",
    )


def test_a_cancelled_or_downloaded_profile_causes_no_more_calls(
    profile: Profile, smdp: str
) -> None:
    cancel(make_ready(profile))
    calls_before = profile.calls.count()

    assert cancel(profile)
    with pytest.raises(ProfileRefused, match="cancelled"):
        make_ready(profile)
    profile.state = ProfileState.DOWNLOADED
    assert not cancel(profile)

    assert profile.calls.count() == calls_before


def test_a_download_that_is_reported_during_a_cancel_counts(profile: Profile, smdp: str) -> None:
    make_ready(profile)
    stale = Profile.objects.select_related("sim", "provider").get(pk=profile.pk)
    provisioning.move(profile, ProfileState.DOWNLOADED, downloaded_at=now())

    assert not cancel(stale)

    assert stale.state == ProfileState.DOWNLOADED


def test_a_worker_that_lost_its_lease_makes_no_call(profile: Profile, smdp: str) -> None:
    def lose_lease() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        provisioning.make_ready(profile, before_call=lose_lease)

    assert profile.calls.get().outcome == Es2Call.Outcome.NOT_SENT
    assert at_smdp(smdp) == []


def test_the_timeout_is_short_while_the_customer_is_watching(
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


def test_an_order_of_somebody_else_is_not_cancelled(profile: Profile, smdp: str) -> None:
    foreign_order = {
        "header": {"functionRequesterIdentifier": "2.999.1", "functionCallIdentifier": "by-hand"},
        "iccid": profile.sim.iccid,
    }
    headers = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}
    httpx.post(
        f"{smdp}/gsma/rsp2/es2plus/downloadOrder",
        json=foreign_order,
        headers=headers,
        trust_env=False,
    )
    with pytest.raises(ProfileRefused):
        make_ready(profile)

    assert cancel(profile)

    profile.sim.refresh_from_db()
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert states(smdp) == ["Allocated"]
