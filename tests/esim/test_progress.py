"""`esim.domain.progress`: notices may be repeated and out of order."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from esim.domain import pool, progress, provisioning
from esim.models import DownloadProgress, Profile
from esim.models.providers import check_points
from esim.signals import download_failed
from esim.states import ProfileState, SimState
from outbox.models import Task
from tests.builders import EID, OTHER_EID, make_pool
from tests.esim.test_notices import FORMS, STANDARD
from tests.processing import process_task

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
Meaning = DownloadProgress.Meaning
CASES = json.loads(Path(__file__).with_name("notices.json").read_text(encoding="utf-8"))
FAILED = {"status": "Failed", "statusCodeData": {"subjectCode": "8.2.10", "reasonCode": "4.2"}}


@pytest.fixture
def profile(db: None, smdp: str) -> Profile:
    """Return a profile that is released at the SM-DP+."""
    make_pool(1)
    made = pool.intend(eid=EID, profile_type="consumer")
    return provisioning.make_ready(made, before_call=lambda: None)


def about(profile: Profile, **changes: Any) -> dict[str, Any]:
    return {**STANDARD, "iccid": profile.sim.iccid, **changes}


def post(client: Client, body: Any) -> Any:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(PATH, content, content_type="application/json")


def state_after(client: Client, profile: Profile, *bodies: dict[str, Any]) -> str:
    """Post the notices, let a worker process them, and return the profile's state."""
    for body in bodies:
        assert post(client, body).status_code == 204
    process_task(progress.KIND, profile.pk)
    profile.refresh_from_db()
    return profile.state


def test_a_notice_is_stored_and_answered_before_it_is_applied(
    client: Client, profile: Profile
) -> None:
    answer = post(client, about(profile))

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Admin-Protocol"].startswith("gsma/rsp/v2.")
    assert DownloadProgress.objects.get().applied_at is None
    assert Task.objects.get(kind=progress.KIND).subject == str(profile.pk)


def test_an_installation_marks_the_profile_downloaded(client: Client, profile: Profile) -> None:
    assert state_after(client, profile, about(profile)) == ProfileState.DOWNLOADED
    profile.sim.refresh_from_db()
    assert profile.sim.state == SimState.IN_USE


@pytest.mark.parametrize("seed", range(5))
def test_all_forms_shuffled_and_repeated_lead_to_one_state(
    client: Client, profile: Profile, seed: int
) -> None:
    iccid = profile.sim.iccid
    installed = [
        {**body, "iccid": body["iccid"].replace(STANDARD["iccid"], iccid)}
        for body in FORMS.values()
    ]
    downloaded = [{**body, "notificationPointId": 3} for body in installed]
    failed = [{**body, "notificationPointStatus": FAILED} for body in downloaded]
    everything = [*installed, *downloaded, *failed] * 3
    random.Random(seed).shuffle(everything)  # noqa: S311 -- a seed

    assert state_after(client, profile, *everything) == ProfileState.DOWNLOADED
    key = ("point", "status", "timestamp", "call_identifier")
    rows = DownloadProgress.objects.values_list(*key)
    assert len(rows) == len(set(rows))
    assert not DownloadProgress.objects.filter(applied_at=None).exists()


def test_point_three_does_not_change_the_state(client: Client, profile: Profile) -> None:
    body = about(profile, notificationPointId=3)

    assert state_after(client, profile, body) == ProfileState.RELEASED


def test_a_failure_is_stored_with_its_codes(client: Client, profile: Profile) -> None:
    body = about(profile, notificationPointStatus=FAILED)

    assert state_after(client, profile, body) == ProfileState.RELEASED
    assert DownloadProgress.objects.get().codes == "8.2.10/4.2"


def test_notices_out_of_order_never_move_the_profile_back(client: Client, profile: Profile) -> None:
    bodies = [about(profile, notificationPointId=point) for point in (4, 3, 4, 1, 3, 4)]

    assert state_after(client, profile, *bodies) == ProfileState.DOWNLOADED
    assert sorted(DownloadProgress.objects.values_list("point", flat=True)) == ["1", "3", "4"]


def test_a_cancelled_profile_stays_cancelled(client: Client, profile: Profile) -> None:
    Profile.objects.filter(pk=profile.pk).update(state=ProfileState.CANCELLED)

    failed = about(profile, notificationPointStatus=FAILED, notificationPointId=3)
    assert state_after(client, profile, about(profile), failed) == ProfileState.CANCELLED


@pytest.mark.parametrize("point", [5, 101, "101"])
def test_a_platform_may_have_its_own_points(
    client: Client, profile: Profile, point: int | str
) -> None:
    profile.provider.notification_points = {"101": "installation", "5": "installation"}
    profile.provider.save()

    body = about(profile, notificationPointId=point)
    assert state_after(client, profile, body) == ProfileState.DOWNLOADED


@pytest.mark.parametrize("points", [{"5": "landed"}, {"5": []}, {"5": None}, ["5"], None])
def test_staff_can_only_give_a_point_a_known_meaning(points: Any) -> None:
    with pytest.raises(ValidationError, match="installation"):
        check_points(points)


@pytest.mark.parametrize("point", [5, 99, "", "NaN", None])
def test_an_unknown_point_is_stored_and_changes_nothing(
    client: Client, profile: Profile, point: Any
) -> None:
    body = about(profile, notificationPointId=point)

    assert state_after(client, profile, body) == ProfileState.RELEASED


@pytest.fixture
def failures() -> Iterator[list[DownloadProgress]]:
    """Return the failed downloads that are announced to the other rooms."""
    announced: list[DownloadProgress] = []

    def record(notice: DownloadProgress, **_sent: Any) -> None:
        announced.append(notice)

    download_failed.connect(record)
    yield announced
    download_failed.disconnect(record)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_only_what_the_standard_and_the_provider_explain_decides(
    client: Client, profile: Profile, failures: list[DownloadProgress], case: dict[str, Any]
) -> None:
    body = {**case["notice"], "iccid": profile.sim.iccid}
    state, announced, meaning = {
        "nothing": (ProfileState.RELEASED, 0, Meaning.NOTHING),
        "downloaded": (ProfileState.DOWNLOADED, 0, Meaning.ON_DEVICE),
        "download failed": (ProfileState.RELEASED, 1, Meaning.FAILED),
    }[case["means"]]

    assert state_after(client, profile, body) == state
    assert len(failures) == announced
    assert DownloadProgress.objects.get().meaning == meaning


@pytest.mark.parametrize("point", ["enabled", "disabled", "deleted"])
def test_a_failure_after_the_download_is_no_failed_download(
    client: Client, profile: Profile, failures: list[DownloadProgress], point: str
) -> None:
    profile.provider.notification_points = {"6": point}
    profile.provider.save()

    state_after(
        client, profile, about(profile, notificationPointId=6, notificationPointStatus=FAILED)
    )

    assert (failures, DownloadProgress.objects.get().meaning) == ([], Meaning.NOTHING)


def test_a_notice_without_a_status_does_not_hide_the_same_notice_with_one(
    client: Client, profile: Profile
) -> None:
    bodies = [about(profile, notificationPointStatus=None), about(profile)]

    assert state_after(client, profile, *bodies) == ProfileState.DOWNLOADED
    assert DownloadProgress.objects.count() == 2


@pytest.mark.parametrize("status", [{"status": "Executed-Success"}, FAILED])
def test_a_notice_with_the_eid_of_another_device_decides_nothing_and_alerts_staff(
    client: Client, profile: Profile, failures: list[DownloadProgress], status: dict[str, Any]
) -> None:
    body = about(profile, eid=OTHER_EID, notificationPointStatus=status)

    assert state_after(client, profile, body) == ProfileState.RELEASED
    assert failures == []
    assert profile.staff_alert == "notice: the EID ending in 0066 is not the order's"
    assert DownloadProgress.objects.get().other_eid == OTHER_EID[-4:]


def test_staff_confirm_a_download_whose_notice_names_another_eid(
    client: Client, profile: Profile, clara: User
) -> None:
    state_after(client, profile, about(profile, eid=EID[:-1]))
    client.force_login(clara)
    profiles = "/admin/esim/profile/"
    action = {"action": "confirm_download", "_selected_action": [profile.pk]}
    assert profile.sim.iccid in client.get(f"{profiles}?staff=1").text

    for _ in range(2):
        client.post(profiles, action)

    profile.refresh_from_db()
    assert (profile.state, profile.staff_alert) == (ProfileState.DOWNLOADED, "")
    assert "is not waiting" in client.get(profiles).text
    assert profile.sim.iccid not in client.get(f"{profiles}?staff=1").text


@pytest.mark.parametrize(
    "changes",
    [
        {"eid": EID, "notificationPointId": 1},
        {"eid": OTHER_EID, "notificationPointId": 1},
        {"eid": OTHER_EID, "notificationPointStatus": FAILED},
    ],
)
def test_staff_confirm_nothing_that_no_notice_says(
    client: Client, profile: Profile, clara: User, changes: dict[str, Any]
) -> None:
    state_after(client, profile, about(profile, **changes))

    with pytest.raises(progress.NothingToConfirm):
        progress.confirm_download(profile, actor=clara)

    assert profile.state == ProfileState.RELEASED


@pytest.mark.parametrize("eid", [None, "", EID])
def test_a_notice_of_the_orders_device_alerts_nobody(
    client: Client, profile: Profile, eid: str | None
) -> None:
    assert state_after(client, profile, about(profile, eid=eid)) == ProfileState.DOWNLOADED
    assert profile.staff_alert == ""


def test_an_order_without_an_eid_takes_a_notice_of_any_device(
    client: Client, profile: Profile
) -> None:
    Profile.objects.filter(pk=profile.pk).update(eid="")

    state = state_after(client, profile, about(profile, eid=OTHER_EID))

    assert (state, profile.staff_alert) == (ProfileState.DOWNLOADED, "")


def test_a_notice_about_an_unknown_iccid_is_stored_once(client: Client, db: None) -> None:
    for _ in range(2):
        assert post(client, STANDARD).status_code == 204

    assert DownloadProgress.objects.get().profile is None
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"not json", b"\xff", b"[" * 30_000, {"iccid": "1"}, {"iccid": None}],
)
def test_an_unreadable_body_is_refused_with_a_reason(client: Client, db: None, body: Any) -> None:
    answer = post(client, body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Not a progress notification" in answer.json()["detail"]


def test_values_that_no_database_can_store_are_accepted(client: Client, profile: Profile) -> None:
    odd = about(profile, notificationPointId="\0" * 30, timestamp="\ud800", other=float("nan"))

    assert post(client, odd).status_code == 204


def test_a_body_that_is_too_large_is_refused(client: Client, db: None) -> None:
    assert post(client, b" " * (64 * 1024 + 1)).status_code == 413


def test_only_post_is_allowed(client: Client, db: None) -> None:
    assert client.get(PATH).status_code == 405
