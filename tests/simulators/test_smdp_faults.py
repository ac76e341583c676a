"""Scripted faults: the books show whether the work was done, as each fault promises."""

import time
from typing import Any

import httpx
import pytest

from tests.simulators.es2plus import (
    EID,
    HEADER,
    ICCID,
    PATH,
    PROTOCOL,
    call,
    code_of,
    confirm,
    order,
    released,
    script,
)
from tests.simulators.process import running


@pytest.mark.parametrize(
    ("fault", "code"), [("drop_before", "success"), ("drop_after", "8.2.1/3.3")]
)
def test_a_dropped_connection_hides_whether_the_work_was_done(
    smdp: httpx.Client, fault: str, code: str
) -> None:
    script(smdp, "downloadOrder", fault)

    with pytest.raises(httpx.RemoteProtocolError):
        order(smdp)

    assert order(smdp) == code


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("http_500", 500, "success"), ("html", 200, "success"), ("malformed", 200, "8.2.1/3.3")],
)
def test_an_invalid_answer_is_sent_as_often_as_scripted(
    smdp: httpx.Client, fault: str, status: int, code: str
) -> None:
    script(smdp, "*", fault)
    asked = {"header": HEADER, "iccid": ICCID}

    response = smdp.post("/gsma/rsp2/es2plus/downloadOrder", json=asked, headers=PROTOCOL)

    assert response.status_code == status
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        response.json()
    assert order(smdp) == code


def test_a_wrong_answer_names_another_iccid(smdp: httpx.Client) -> None:
    script(smdp, "*", "wrong_iccid", times=2)

    ordered = call(smdp, "downloadOrder", iccid=ICCID, eid=EID)
    confirmed = call(smdp, "confirmOrder", iccid=ICCID, matchingId="KESTREL-1", releaseFlag=True)

    assert ordered["iccid"] != ICCID
    assert confirmed["matchingId"] != "KESTREL-1"


def test_a_delayed_answer_is_sent_after_the_work(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "delay", seconds=0.3)
    began = time.monotonic()

    assert order(smdp) == "success"
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    "script",
    [
        {"function": "fly", "fault": "html"},
        {"function": "*", "fault": "fire"},
        {"function": "*", "fault": "html", "times": 0},
        {"function": "*", "fault": "delay", "seconds": -1},
    ],
)
def test_a_wrong_fault_is_refused(smdp: httpx.Client, script: dict[str, Any]) -> None:
    assert smdp.post("/faults", json=script).status_code == 422


def test_faults_are_listed_and_cleared(smdp: httpx.Client) -> None:
    script(smdp, "*", "html", times=2)
    assert [fault["times"] for fault in smdp.get("/faults").json()["faults"]] == [2]

    smdp.delete("/faults")

    assert smdp.get("/faults").json() == {"faults": []}
    assert order(smdp) == "success"


def ask(smdp: httpx.Client) -> httpx.Response:
    asked = {"header": HEADER, "iccid": ICCID, "eid": EID}
    return smdp.post(PATH + "downloadOrder", json=asked, headers=PROTOCOL)


DONE, NOT_DONE = "8.2.1/3.3", "success"


@pytest.mark.parametrize(
    ("fault", "status", "then"),
    [
        ("failed", "Failed", NOT_DONE),
        ("expired", "Expired", NOT_DONE),
        ("expired_after", "Expired", DONE),
        ("warning", "Executed-WithWarning", DONE),
    ],
)
def test_a_scripted_status_has_the_scripted_code_and_message(
    smdp: httpx.Client, fault: str, status: str, then: str
) -> None:
    script(smdp, "downloadOrder", fault, code="8.2.5/3.7", message="so it was scripted")

    answer = ask(smdp).json()

    coded = {"subjectCode": "8.2.5", "reasonCode": "3.7", "message": "so it was scripted"}
    assert answer["header"]["functionExecutionStatus"] == {
        "status": status,
        "statusCodeData": coded,
    }
    assert order(smdp) == then


def test_a_failure_without_a_code_has_no_status_code_data(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "failed")

    assert ask(smdp).json() == {"header": {"functionExecutionStatus": {"status": "Failed"}}}


def test_a_warning_does_not_change_a_failure(smdp: httpx.Client) -> None:
    order(smdp)
    script(smdp, "downloadOrder", "warning", code="8/4.3")

    assert code_of(ask(smdp).json()) == "8.2.1/3.3"


@pytest.mark.parametrize(("fault", "then"), [("http", NOT_DONE), ("http_after", DONE)])
def test_an_http_fault_has_the_scripted_status_and_retry_after(
    smdp: httpx.Client, fault: str, then: str
) -> None:
    script(smdp, "downloadOrder", fault, status=429, retryAfter=7)

    answer = ask(smdp)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert order(smdp) == then


def test_an_http_fault_is_503_without_retry_after_by_default(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "http")

    answer = ask(smdp)

    assert (answer.status_code, "Retry-After" in answer.headers) == (503, False)


def test_retry_after_can_be_a_date(smdp: httpx.Client) -> None:
    date = "Wed, 21 Oct 2037 07:28:00 GMT"
    script(smdp, "downloadOrder", "http", retryAfter=date)

    assert ask(smdp).headers["Retry-After"] == date


def test_an_answer_can_lack_its_header(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "no_header")

    assert ask(smdp).json() == {"iccid": ICCID}
    assert order(smdp) == DONE


def test_an_answer_can_lack_its_protocol_version(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "no_protocol")

    assert "X-Admin-Protocol" not in ask(smdp).headers
    assert order(smdp) == DONE


def test_an_answer_can_have_another_content_type(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "wrong_content_type")

    answer = ask(smdp)

    assert (answer.headers["Content-Type"], answer.json()["iccid"]) == ("text/plain", ICCID)
    assert order(smdp) == DONE


def test_an_answer_can_have_an_unknown_status(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "unknown_status")

    executed = ask(smdp).json()["header"]["functionExecutionStatus"]

    assert executed == {"status": "Executed-Perhaps"}
    assert order(smdp) == DONE


def test_an_answer_can_lack_its_required_fields(smdp: httpx.Client) -> None:
    order(smdp)
    script(smdp, "confirmOrder", "missing_output")

    answer = call(smdp, "confirmOrder", iccid=ICCID, matchingId="KESTREL-1", releaseFlag=True)

    assert list(answer) == ["header"]
    assert confirm(smdp) == "8.2.6/3.3"


def test_an_answer_can_name_another_eid(smdp: httpx.Client) -> None:
    order(smdp)
    script(smdp, "confirmOrder", "wrong_eid")

    answer = call(smdp, "confirmOrder", iccid=ICCID, eid=EID, releaseFlag=True)

    assert answer["eid"] not in {"", EID}


def test_a_slow_answer_is_sent_byte_by_byte(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "slow_drip", seconds=0.5)
    began = time.monotonic()

    # Each byte comes soon, so a timeout for a single read is never reached.
    asked = {"header": HEADER, "iccid": ICCID}
    answer = smdp.post(PATH + "downloadOrder", json=asked, headers=PROTOCOL, timeout=0.4)

    assert answer.json()["iccid"] == ICCID
    assert time.monotonic() - began >= 0.5


def test_a_fault_with_a_probability_is_pending_until_it_strikes(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "http_500", probability=0)
    script(smdp, "downloadOrder", "html", probability=1)

    assert ask(smdp).headers["Content-Type"].startswith("text/html")
    assert ask(smdp).json()["iccid"] == ICCID
    assert [fault["fault"] for fault in smdp.get("/faults").json()["faults"]] == ["http_500"]


def test_faults_strike_the_same_calls_with_the_same_seed() -> None:
    runs = []
    for _ in range(2):
        with running("simulators.smdp", "--seed", "7") as simulator:
            script(simulator.http, "*", "http", probability=0.5, times=1000)
            runs.append([ask(simulator.http).status_code for _ in range(40)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"seconds": "1"}, "invalid_seconds"),
        ({"times": 1.5}, "invalid_times"),
        ({"times": True}, "invalid_times"),
        ({"probability": 1.1}, "invalid_probability"),
        ({"status": 200}, "invalid_status"),
        ({"retryAfter": -1}, "invalid_retryAfter"),
        ({"retryAfter": "1\r\nSet-Cookie: a"}, "invalid_retryAfter"),
        ({"code": "8.2.1"}, "invalid_code"),
        ({"message": 1}, "invalid_message"),
        ({"copies": 1}, "invalid_copies"),
        ({"retry_after": 1}, "unknown_option"),
    ],
)
def test_a_fault_with_a_wrong_option_is_refused(
    smdp: httpx.Client, option: dict[str, Any], error: str
) -> None:
    answer = smdp.post("/faults", json={"function": "*", "fault": "http", **option})

    assert (answer.status_code, answer.json()) == (422, {"error": error})


@pytest.mark.parametrize(
    ("function", "fault"), [("handleDownloadProgressInfo", "html"), ("downloadOrder", "duplicate")]
)
def test_a_function_knows_only_its_own_faults(
    smdp: httpx.Client, function: str, fault: str
) -> None:
    answer = smdp.post("/faults", json={"function": function, "fault": fault})

    assert answer.json() == {"error": "unknown_fault"}


def test_a_fault_for_any_function_strikes_the_first_that_knows_it(smdp: httpx.Client) -> None:
    script(smdp, "*", "duplicate")

    released(smdp)

    assert [fault["fault"] for fault in smdp.get("/faults").json()["faults"]] == ["duplicate"]
