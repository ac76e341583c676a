"""HandleDownloadProgressInfo, as in the standard and as real SM-DP+ send it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.simulators.es2plus import (
    EID,
    ICCID,
    PATH,
    calls,
    confirm,
    download,
    order,
    profile,
    released,
    script,
)
from tests.simulators.operator import Operator, listening
from tests.simulators.process import refused_to_start, running


@pytest.fixture(scope="module")
def listener() -> Iterator[Operator]:
    with listening() as operator:
        yield operator


@pytest.fixture(scope="module")
def process(listener: Operator) -> Iterator[httpx.Client]:
    with running("simulators.smdp", "--notify", listener.url) as simulator:
        yield simulator.http


@pytest.fixture
def operator(listener: Operator) -> Operator:
    listener.received.clear()
    return listener


@pytest.fixture
def smdp(process: httpx.Client, operator: Operator) -> httpx.Client:
    process.post("/reset")
    return process


def notified_in(style: tuple[str, ...], operator: Operator, **fields: Any) -> dict[str, Any]:
    """Return the last notification of a download, written in these styles."""
    options = [part for name in style for part in ("--notification-style", name)]
    with running("simulators.smdp", "--notify", operator.url, *options) as simulator:
        order(simulator.http, **fields)
        confirm(simulator.http, **fields)
        download(simulator.http)
        return operator.receive(2)[-1]


def test_the_operator_is_notified_of_download_and_installation(
    smdp: httpx.Client, operator: Operator
) -> None:
    released(smdp)

    download(smdp)

    messages = operator.receive(2)
    assert [path for path, _body, _client in operator.received] == [
        PATH + "handleDownloadProgressInfo"
    ] * 2
    assert [message["notificationPointId"] for message in messages] == [3, 4]
    header, timestamp = messages[1].pop("header"), messages[1].pop("timestamp")
    assert sorted(header) == ["functionCallIdentifier", "functionRequesterIdentifier"]
    assert re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}Z", timestamp)
    assert messages[1] == {
        "eid": EID,
        "iccid": ICCID,
        "profileType": "kestrel-esim",
        "notificationPointId": 4,
        "notificationPointStatus": {"status": "Executed-Success"},
    }


def test_a_notification_is_sent_again_after_an_error(
    smdp: httpx.Client, operator: Operator
) -> None:
    released(smdp)
    operator.statuses = [500]

    download(smdp)

    assert operator.points(3) == [(3, "success"), (3, "success"), (4, "success")]


@pytest.mark.parametrize(("point", "number"), [("enabled", 6), ("disabled", 7), ("deleted", 8)])
def test_a_later_step_is_notified_on_request_and_changes_nothing(
    smdp: httpx.Client, operator: Operator, point: str, number: int
) -> None:
    order(smdp)

    answer = smdp.post("/device/notify", json={"iccid": ICCID + "F", "point": point})

    assert (answer.status_code, answer.json()) == (202, {"iccid": ICCID, "point": point})
    assert operator.points(1) == [(number, "success")]
    assert profile(smdp)["state"] == "Linked"


def test_any_point_can_be_notified_as_passed_or_failed(
    smdp: httpx.Client, operator: Operator
) -> None:
    order(smdp)

    smdp.post("/device/notify", json={"iccid": ICCID, "point": 101, "code": "8/4.2"})

    assert operator.points(1) == [(101, "8/4.2")]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"iccid": "8988211000000000037", "point": 5}, 404, "unknown_iccid"),
        ({"iccid": ICCID, "point": "gone"}, 400, "invalid_point"),
        ({"iccid": ICCID, "point": True}, 400, "invalid_point"),
        ({"iccid": ICCID, "point": 5, "code": "8"}, 400, "invalid_code"),
    ],
)
def test_a_wrong_request_to_notify_is_refused(
    smdp: httpx.Client, body: dict[str, Any], status: int, error: str
) -> None:
    order(smdp)

    answer = smdp.post("/device/notify", json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_notification_without_an_operator_is_refused() -> None:
    with running("simulators.smdp") as simulator:
        order(simulator.http)

        answer = simulator.http.post("/device/notify", json={"iccid": ICCID, "point": 5})

    assert answer.json() == {"error": "nobody_to_notify"}


def test_a_duplicate_is_the_same_message_again(smdp: httpx.Client, operator: Operator) -> None:
    released(smdp)
    script(smdp, "handleDownloadProgressInfo", "duplicate", copies=3)

    download(smdp)

    assert operator.points(4) == [*[(3, "success")] * 3, (4, "success")]
    assert len({body for _path, body, _client in operator.received}) == 2


def test_notifications_can_arrive_in_another_order(smdp: httpx.Client, operator: Operator) -> None:
    released(smdp)
    script(smdp, "handleDownloadProgressInfo", "reorder", seconds=0.1)

    download(smdp)

    assert operator.points(2) == [(4, "success"), (3, "success")]


def test_a_lost_notification_is_only_in_the_books(smdp: httpx.Client, operator: Operator) -> None:
    released(smdp)
    script(smdp, "handleDownloadProgressInfo", "lost")

    download(smdp)

    assert operator.points(1) == [(4, "success")]
    (lost,) = (kept for kept in calls(smdp) if kept["status"] == "NotSent")
    assert (lost["code"], lost["answer"]) == ("lost", None)


def test_the_example_style_writes_two_fields_differently(operator: Operator) -> None:
    message = notified_in(("example",), operator)

    assert ("timestamp" in message, message["timeStamp"][-1]) == (False, "Z")
    assert message["notificationPointId"] == "4"


def test_the_time_can_be_an_epoch_string(operator: Operator) -> None:
    message = notified_in(("epoch",), operator)

    at = datetime.fromtimestamp(int(message["timeStamp"]), UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert ("timestamp" in message, message["notificationPointId"]) == (False, "4")


def test_the_point_can_have_a_fraction(operator: Operator) -> None:
    notified_in(("decimal",), operator)

    assert b'"notificationPointId": 4.0' in operator.received[-1][1]


def test_the_preset_odd_notifies_in_every_odd_way(operator: Operator) -> None:
    with running("simulators.smdp", "--notify", operator.url, "--odd") as simulator:
        released(simulator.http)
        download(simulator.http, end="downloaded")
        messages = operator.receive(7)

    statuses = [message.get("notificationPointStatus", {}).get("status") for message in messages]
    points = [message["notificationPointId"] for message in messages]
    assert statuses == [
        *(None, "executed-success", "Expired", "Failed"),
        *("Executed-Success", "Executed-Success", "Executed-Success"),
    ]
    assert points == [3, 3, 3, 101, 99, 3.0, "3"]
    assert [message.get("timeStamp", "")[-1:] == "Z" for message in messages[5:]] == [False, True]
    identifiers = {message["header"]["functionCallIdentifier"] for message in messages}
    assert len(identifiers) == len(messages)


def test_the_time_can_have_an_offset(operator: Operator) -> None:
    message = notified_in(("offset",), operator)

    at = datetime.fromisoformat(message["timestamp"])
    assert (message["timestamp"][-6:], at.microsecond) == ("+02:00", 0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_the_device_can_be_included(operator: Operator) -> None:
    message = notified_in(("device",), operator)

    assert (message["imei"], message["tac"]) == ("490154203237518", "49015420")


@pytest.mark.parametrize(
    ("iccid", "sent"),
    [
        ("894944999999999004", "894944999999999004FF"),
        (ICCID, ICCID + "F"),
        ("89882110000000000010", "89882110000000000010"),
    ],
)
def test_the_iccid_can_be_padded(operator: Operator, iccid: str, sent: str) -> None:
    assert notified_in(("padded",), operator, iccid=iccid)["iccid"] == sent


@pytest.mark.parametrize(("style", "point"), [("installed-5", 5), ("installed-101", 101)])
def test_the_installation_can_have_another_point(
    operator: Operator, style: str, point: int
) -> None:
    assert notified_in((style,), operator)["notificationPointId"] == point


@pytest.mark.parametrize("styles", [("epoch", "example"), ("example", "epoch")])
def test_styles_can_be_combined(operator: Operator, styles: tuple[str, ...]) -> None:
    message = notified_in((*styles, "offset", "padded"), operator)

    assert ("timestamp" in message, message["timeStamp"][-6:]) == (False, "+02:00")
    assert (message["notificationPointId"], message["iccid"]) == ("4", ICCID + "F")


def test_points_can_have_other_numbers(operator: Operator) -> None:
    options = ("--notification-style", "installed-101", "--points", "installation=9,deleted=200")
    with running("simulators.smdp", "--notify", operator.url, *options) as simulator:
        released(simulator.http)
        download(simulator.http)
        operator.receive(2)
        simulator.http.post("/device/notify", json={"iccid": ICCID, "point": "deleted"})
        simulator.http.post("/device/notify", json={"iccid": ICCID, "point": "disabled"})
        points = sorted(point for point, _code in operator.points(4))

    assert points == [3, 9, 102, 200]


@pytest.mark.parametrize("points", ["installation", "fly=1", "deleted=x", "deleted=-1", ""])
def test_unknown_points_are_refused(points: str) -> None:
    assert "is not NAME=NUMBER" in refused_to_start("simulators.smdp", "--points", points)
