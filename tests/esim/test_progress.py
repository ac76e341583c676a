"""`esim.domain.progress`: one truth from what an SM-DP+ tells, doubled and out of order."""

import json
import random
from typing import Any

import pytest
from django.test import Client

from esim.domain import pool, progress, provisioning
from esim.models import DownloadProgress, Profile
from esim.states import ProfileState, SimState
from outbox.models import Task
from tests.builders import EID, make_pool
from tests.esim.test_notices import SPELLINGS, STANDARD
from tests.processing import process_task

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
FAILED = {"status": "Failed", "statusCodeData": {"subjectCode": "8.2.10", "reasonCode": "4.2"}}


@pytest.fixture
def profile(db: None, smdp: str) -> Profile:
    """Return a profile that is released at the SM-DP+."""
    make_pool(1)
    made = pool.intend(eid=EID, profile_type="consumer")
    return provisioning.make_ready(made, before_call=lambda: None)


def about(profile: Profile, **changes: Any) -> dict[str, Any]:
    return {**STANDARD, "iccid": profile.sim.iccid, **changes}


def tell(client: Client, body: Any) -> Any:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(PATH, content, content_type="application/json")


def told(client: Client, profile: Profile, *bodies: dict[str, Any]) -> str:
    """Tell all of it, let a worker look, and return the state that the profile is in then."""
    for body in bodies:
        assert tell(client, body).status_code == 204
    process_task(progress.KIND, profile.pk)
    profile.refresh_from_db()
    return profile.state


def test_it_is_stored_and_answered_before_anything_is_done(
    client: Client, profile: Profile
) -> None:
    answer = tell(client, about(profile))

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Admin-Protocol"].startswith("gsma/rsp/v2.")
    assert DownloadProgress.objects.get().applied_at is None
    assert Task.objects.get(kind=progress.KIND).subject == str(profile.pk)


def test_an_installation_marks_the_profile_downloaded(client: Client, profile: Profile) -> None:
    assert told(client, profile, about(profile)) == ProfileState.DOWNLOADED
    profile.sim.refresh_from_db()
    assert profile.sim.state == SimState.IN_USE


@pytest.mark.parametrize("seed", range(5))
def test_every_spelling_shuffled_and_tripled_is_one_truth(
    client: Client, profile: Profile, seed: int
) -> None:
    iccid = profile.sim.iccid
    spelled = [
        {**body, "iccid": body["iccid"].replace(STANDARD["iccid"], iccid)}
        for body in SPELLINGS.values()
    ]
    earlier = [{**body, "notificationPointId": 3} for body in spelled]
    failed = [{**body, "notificationPointStatus": FAILED} for body in earlier]
    everything = [*spelled, *earlier, *failed] * 3
    random.Random(seed).shuffle(everything)  # noqa: S311 -- a seed

    assert told(client, profile, *everything) == ProfileState.DOWNLOADED
    rows = DownloadProgress.objects.values_list("point", "timestamp", "call_identifier")
    assert len(rows) == len(set(rows))
    assert not DownloadProgress.objects.filter(applied_at=None).exists()


def test_point_three_is_progress_only(client: Client, profile: Profile) -> None:
    body = about(profile, notificationPointId=3)

    assert told(client, profile, body) == ProfileState.RELEASED


def test_a_failure_is_kept_with_its_codes(client: Client, profile: Profile) -> None:
    body = about(profile, notificationPointStatus=FAILED)

    assert told(client, profile, body) == ProfileState.RELEASED
    assert DownloadProgress.objects.get().codes == "8.2.10/4.2"


def test_disorder_never_goes_back(client: Client, profile: Profile) -> None:
    bodies = [about(profile, notificationPointId=point) for point in (4, 3, 4, 1, 3, 4)]

    assert told(client, profile, *bodies) == ProfileState.DOWNLOADED
    assert sorted(DownloadProgress.objects.values_list("point", flat=True)) == ["1", "3", "4"]


def test_a_withdrawn_profile_stays_withdrawn(client: Client, profile: Profile) -> None:
    Profile.objects.filter(pk=profile.pk).update(state=ProfileState.CANCELLED)

    failed = about(profile, notificationPointStatus=FAILED, notificationPointId=3)
    assert told(client, profile, about(profile), failed) == ProfileState.CANCELLED


@pytest.mark.parametrize("point", [5, 101, "101"])
def test_a_platform_may_have_points_of_its_own(
    client: Client, profile: Profile, point: int | str
) -> None:
    profile.provider.notification_points = {"101": "installation", "5": "installation"}
    profile.provider.save()

    body = about(profile, notificationPointId=point)
    assert told(client, profile, body) == ProfileState.DOWNLOADED


@pytest.mark.parametrize("point", [5, 99, "", "NaN", None])
def test_a_point_that_nobody_has_explained_is_kept_and_means_nothing(
    client: Client, profile: Profile, point: Any
) -> None:
    body = about(profile, notificationPointId=point)

    assert told(client, profile, body) == ProfileState.RELEASED


def test_an_iccid_that_is_not_ours_is_stored_once_all_the_same(client: Client, db: None) -> None:
    for _ in range(2):
        assert tell(client, STANDARD).status_code == 204

    assert DownloadProgress.objects.get().profile is None
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"not json", b"\xff", b"[" * 30_000, {"iccid": "1"}, {"iccid": None}],
)
def test_what_cannot_be_read_is_refused_with_a_reason(client: Client, db: None, body: Any) -> None:
    answer = tell(client, body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Not a progress notification" in answer.json()["detail"]


def test_odd_values_are_kept_as_far_as_a_database_takes_them(
    client: Client, profile: Profile
) -> None:
    odd = about(profile, notificationPointId="\0" * 30, timestamp="\ud800", other=float("nan"))

    assert tell(client, odd).status_code == 204


def test_a_body_too_large_is_refused(client: Client, db: None) -> None:
    assert tell(client, b" " * (64 * 1024 + 1)).status_code == 413


def test_only_posts_are_taken(client: Client, db: None) -> None:
    assert client.get(PATH).status_code == 405
