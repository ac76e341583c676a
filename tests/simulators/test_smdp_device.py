"""The device: every end of a download, and the notification to the operator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.es2plus import (
    CODE,
    EID,
    ICCID,
    OTHER_EID,
    cancel,
    confirm,
    download,
    order,
    profile,
    released,
)
from tests.simulators.operator import Operator, listening
from tests.simulators.process import running


def test_an_eid_finds_its_profile_with_an_empty_matching_id(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, matchingId="")

    assert download(smdp, activationCode="1$smdp.kestrel.example$")["iccid"] == ICCID


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"activationCode": "1$smdp.kestrel.example$OTHER"}, "InvalidMatchingId"),
        ({"activationCode": "LPA:" + CODE}, "InvalidMatchingId"),
        ({"activationCode": "1$elsewhere.example$KESTREL-1"}, "ServerNotReachable"),
        ({"eid": OTHER_EID}, "EidMismatch"),
    ],
)
def test_a_device_that_may_not_download_gets_the_reason(
    smdp: httpx.Client, fields: dict[str, str], error: str
) -> None:
    released(smdp)

    assert download(smdp, **fields) == {"result": "failed", "error": error}


def test_a_confirmation_code_is_required(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, confirmationCode="4711")

    assert download(smdp)["error"] == "ConfirmationCodeMissing"
    assert download(smdp, confirmationCode="0815")["error"] == "IncorrectConfirmationCode"
    assert download(smdp, confirmationCode="4711")["result"] == "success"


@pytest.mark.parametrize("fields", [{"eid": "1"}, {"end": "never"}])
def test_a_wrong_device_request_is_refused(smdp: httpx.Client, fields: dict[str, str]) -> None:
    asked = {"activationCode": CODE, "eid": EID, **fields}

    assert smdp.post("/device/download", json=asked).status_code == 400


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with listening() as operator:
        yield operator


@pytest.fixture(scope="module")
def limited(operator: Operator) -> Iterator[httpx.Client]:
    options = ("--code-attempts", "2", "--download-attempts", "3", "--notify", operator.url)
    with running("simulators.smdp", *options) as simulator:
        yield simulator.http


@pytest.fixture
def notifying(limited: httpx.Client, operator: Operator) -> httpx.Client:
    limited.post("/reset")
    operator.received.clear()
    return limited


@pytest.mark.parametrize(
    "failure",
    [
        "NotAuthorized",
        "NotFound",
        "ServerFailure",
        "ServerNotReachable",
        "TimeoutWaitingForUserConsent",
        "CardRemoved",
        "CardBusy",
        "CardGeneralFailure",
        "OperationProhibitedByProfileClass",
        "ProfileNotPresent",
        "NoCorrespondingRequest",
        "TimeoutWaitingForResponse",
        "ServerNotTrusted",
    ],
)
def test_a_failure_that_only_the_device_knows_changes_nothing_and_is_not_reported(
    notifying: httpx.Client, operator: Operator, failure: str
) -> None:
    released(notifying)

    assert download(notifying, fail=failure) == {"result": "failed", "error": failure}

    assert profile(notifying)["state"] == "Released"
    assert download(notifying)["result"] == "success"
    assert operator.points(2) == [(3, "success"), (4, "success")]


@pytest.mark.parametrize(
    ("failure", "points"),
    [
        ("InsufficientSpaceOnCard", [(1, "8.1/4.8")]),
        ("NoEligibleProfileForThisDevice", [(1, "8.2.5/4.3")]),
        ("OperationAborted", [(3, "8.8.5/3.8")]),
        ("PolicyViolation", [(3, "8.2.8/1.2")]),
        ("Other", [(3, "8/4.2")]),
        ("IccidAlreadyExists", [(3, "success"), (4, "8.2.10/4.2")]),
        ("ProfileProcessingError", [(3, "success"), (4, "8.2.10/4.2")]),
    ],
)
def test_a_failure_that_the_sm_dp_learns_ends_the_order_and_is_reported(
    notifying: httpx.Client, operator: Operator, failure: str, points: list[tuple[int, str]]
) -> None:
    released(notifying)

    assert download(notifying, fail=failure) == {"result": "failed", "error": failure}

    assert operator.points(len(points)) == points
    assert profile(notifying)["state"] == "Error"
    assert download(notifying)["error"] == "ProfileNotAvailableForNewBinding"
    assert cancel(notifying) == "success"


@pytest.mark.parametrize(
    ("reason", "points"),
    [
        ("orderExpired", [(1, "8.8.5/4.10")]),
        ("metadataMismatch", [(3, "success"), (4, "8.2.9/3.11")]),
        ("endUserRejection", [(3, "8.8.5/3.8")]),
    ],
)
def test_a_device_can_report_another_reason(
    notifying: httpx.Client, operator: Operator, reason: str, points: list[tuple[int, str]]
) -> None:
    released(notifying)

    download(notifying, fail="ServerFailure", reason=reason)

    assert operator.points(len(points)) == points
    assert profile(notifying)["state"] == "Error"


def test_a_postponed_session_does_not_change_the_order(notifying: httpx.Client) -> None:
    released(notifying)

    assert download(notifying, fail="Other", reason="postponed")["error"] == "Other"

    assert profile(notifying)["state"] == "Released"


def test_a_notification_names_the_eid_on_which_an_unlinked_profile_failed(
    notifying: httpx.Client, operator: Operator
) -> None:
    order(notifying, eid=None)
    confirm(notifying, eid=None)

    download(notifying, fail="OperationAborted")

    assert [message["eid"] for message in operator.receive(1)] == [EID]
    assert profile(notifying)["eid"] == ""


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("OperationAborted", "OperationAborted"),
        ("ProfileProcessingError", "ConfirmationCodeMissing"),
    ],
)
def test_a_confirmation_code_is_checked_after_consent_and_before_the_package(
    smdp: httpx.Client, failure: str, error: str
) -> None:
    order(smdp)
    confirm(smdp, confirmationCode="4711")

    assert download(smdp, fail=failure)["error"] == error


def test_too_many_wrong_confirmation_codes_end_the_order(
    notifying: httpx.Client, operator: Operator
) -> None:
    order(notifying)
    confirm(notifying, confirmationCode="4711")

    errors = [download(notifying, confirmationCode="0815")["error"] for _ in range(2)]

    assert errors == ["IncorrectConfirmationCode", "ConfirmationCodeMaxRetriesExceeded"]
    assert operator.points(1) == [(2, "8.2.7/6.4")]
    assert download(notifying, confirmationCode="4711")["result"] == "failed"


def test_too_many_downloads_end_the_order(notifying: httpx.Client, operator: Operator) -> None:
    released(notifying)
    for number in (1, 2, 3):
        assert download(notifying, end="downloaded")["result"] == "success"
        # Notifications of two downloads may arrive in any order.
        operator.receive(number)

    assert download(notifying)["error"] == "ProfileDownloadMaxRetriesExceeded"

    assert operator.points(4) == [*[(3, "success")] * 3, (1, "8.8.5/6.4")]
    assert profile(notifying)["state"] == "Error"


def test_a_new_order_starts_with_no_attempts(notifying: httpx.Client) -> None:
    for _ in range(2):
        order(notifying)
        confirm(notifying, confirmationCode="4711")
        assert download(notifying, confirmationCode="0")["error"] == "IncorrectConfirmationCode"
        assert cancel(notifying, "Available") == "success"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"fail": "Success"}, "invalid_fail"),
        ({"fail": ["Other"]}, "invalid_fail"),
        ({"fail": "InvalidMatchingId"}, "found_by_smdp"),
        ({"fail": "Other", "reason": "boredom"}, "invalid_reason"),
        ({"reason": "metadataMismatch"}, "invalid_reason"),
    ],
)
def test_an_unknown_failure_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], error: str
) -> None:
    answer = smdp.post("/device/download", json={"activationCode": CODE, "eid": EID, **fields})

    assert (answer.status_code, answer.json()) == (400, {"error": error})
