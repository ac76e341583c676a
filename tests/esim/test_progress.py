"""`esim.progress`: one truth from notifications in every spelling, doubled and out of order."""

import json
from typing import Any

import pytest
from django.test import Client

from esim import pool, provisioning
from esim.models import DownloadProgress, Profile
from esim.states import ProfileState
from tests.builders import EID, make_pool

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"


@pytest.fixture
def profile(db: None, smdp: str) -> Profile:
    """Return a profile that is released at the SM-DP+."""
    make_pool(1)
    made = pool.intend(eid=EID, profile_type="consumer")
    return provisioning.make_ready(made, before_call=lambda: None)


def told(profile: Profile, **changes: Any) -> dict[str, Any]:
    said = {
        "header": {"functionRequesterIdentifier": "2.999.20", "functionCallIdentifier": "TX-1"},
        "iccid": profile.sim.iccid,
        "profileType": "consumer",
        "timestamp": "2026-11-21T10:00:00Z",
        "notificationPointId": 4,
        "notificationPointStatus": {"status": "Executed-Success"},
    }
    return {**said, **changes}


def tell(client: Client, body: Any) -> Any:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(PATH, content, content_type="application/json")


def state(profile: Profile) -> str:
    return Profile.objects.get(pk=profile.pk).state


def test_an_installation_marks_the_profile_downloaded(client: Client, profile: Profile) -> None:
    answer = tell(client, told(profile))

    assert (answer.status_code, answer.content) == (204, b"")
    assert state(profile) == ProfileState.DOWNLOADED


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationPointId": "4"},
        {"timestamp": None, "timeStamp": "1763719200"},
        {"eid": EID, "imei": "490154203237518", "tac": "49015420"},
    ],
)
def test_every_field_practice_is_understood(
    client: Client, profile: Profile, changes: dict[str, Any]
) -> None:
    assert tell(client, told(profile, **changes)).status_code == 204
    assert state(profile) == ProfileState.DOWNLOADED


def test_a_padded_iccid_is_the_same(client: Client, profile: Profile) -> None:
    tell(client, told(profile, iccid=profile.sim.iccid + "F"))

    assert state(profile) == ProfileState.DOWNLOADED


def test_point_three_is_progress_only(client: Client, profile: Profile) -> None:
    tell(client, told(profile, notificationPointId=3))

    assert state(profile) == ProfileState.RELEASED


def test_a_failure_is_kept_and_changes_nothing(client: Client, profile: Profile) -> None:
    failed = {
        "status": "Failed",
        "statusCodeData": {"subjectCode": "8.2.10", "reasonCode": "4.2"},
    }
    tell(client, told(profile, notificationPointStatus=failed))

    row = DownloadProgress.objects.get()
    assert (row.status, row.subject_code, row.reason_code) == ("Failed", "8.2.10", "4.2")
    assert state(profile) == ProfileState.RELEASED


def test_doubles_are_one_row_and_disorder_never_goes_back(client: Client, profile: Profile) -> None:
    for point in (4, 3, 4, 1, 3, 4):
        tell(client, told(profile, notificationPointId=point))

    assert sorted(DownloadProgress.objects.values_list("point", flat=True)) == ["1", "3", "4"]
    assert state(profile) == ProfileState.DOWNLOADED


def test_an_iccid_that_is_not_ours_is_stored_all_the_same(client: Client, profile: Profile) -> None:
    assert tell(client, told(profile, iccid="8949449999999990023")).status_code == 204
    assert DownloadProgress.objects.get().profile is None


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
    odd = told(profile, notificationPointId="\0" * 30, timestamp="\ud800")

    assert tell(client, odd).status_code == 204


def test_without_a_certificate_production_lets_nobody_in(
    client: Client, profile: Profile, settings: Any
) -> None:
    settings.MACHINES_WITHOUT_CERTIFICATE = False

    assert tell(client, told(profile)).status_code == 401
    assert state(profile) == ProfileState.RELEASED


def test_only_posts_are_taken(client: Client, db: None) -> None:
    assert client.get(PATH).status_code == 405
