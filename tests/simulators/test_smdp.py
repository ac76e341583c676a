import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulators.process import Simulator, running

ICCID = "8988211000000000011"
OTHER_ICCID = "8988211000000000029"
EID = "89049032123451234512345678901235"
OTHER_EID = "89049032000000000000000000000066"
CODE = "1$smdp.kestrel.example$KESTREL-1"
HEADER = {"functionRequesterIdentifier": "2.999.10", "functionCallIdentifier": "TX-567"}
PROTOCOL = {"X-Admin-Protocol": "gsma/rsp/v2.2.0"}


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with running("simulators.smdp", "--foreign-prefix", "8999") as simulator:
        yield simulator


@pytest.fixture
def smdp(process: Simulator) -> httpx.Client:
    process.http.post("/reset")
    return process.http


def call(smdp: httpx.Client, function: str, **fields: object) -> dict[str, Any]:
    response = smdp.post(
        f"/gsma/rsp2/es2plus/{function}", json={"header": HEADER, **fields}, headers=PROTOCOL
    )
    assert (response.status_code, response.headers["X-Admin-Protocol"]) == (200, "gsma/rsp/v2.2.0")
    answer: dict[str, Any] = response.json()
    return answer


def code_of(answer: dict[str, Any]) -> str:
    execution = answer["header"]["functionExecutionStatus"]
    if execution["status"] == "Executed-Success":
        return "success"
    data = execution["statusCodeData"]
    return f"{data['subjectCode']}/{data['reasonCode']}"


def order(smdp: httpx.Client, **fields: object) -> str:
    asked = {"iccid": ICCID, "eid": EID, "profileType": "kestrel-esim", **fields}
    return code_of(call(smdp, "downloadOrder", **asked))


def confirm(smdp: httpx.Client, **fields: object) -> str:
    asked = {"iccid": ICCID, "eid": EID, "matchingId": "KESTREL-1", "releaseFlag": True, **fields}
    return code_of(call(smdp, "confirmOrder", **asked))


def cancel(smdp: httpx.Client, final: str | None = "Unavailable", **fields: object) -> str:
    bound = {"iccid": ICCID, "eid": EID, "matchingId": "KESTREL-1"}
    asked = {**bound, "finalProfileStatusIndicator": final, **fields}
    return code_of(call(smdp, "cancelOrder", **asked))


def release(smdp: httpx.Client) -> str:
    return code_of(call(smdp, "releaseProfile", iccid=ICCID))


def download(smdp: httpx.Client, **fields: object) -> dict[str, Any]:
    response = smdp.post("/device/download", json={"activationCode": CODE, "eid": EID, **fields})
    answer: dict[str, Any] = response.json()
    return answer


def profile(smdp: httpx.Client) -> dict[str, Any]:
    shown: dict[str, Any] = smdp.get("/books").json()["profiles"][0]
    return shown


def script(smdp: httpx.Client, function: str, fault: str, **fields: object) -> None:
    answer = smdp.post("/faults", json={"function": function, "fault": fault, **fields})
    assert answer.status_code == 201


def released(smdp: httpx.Client) -> None:
    assert (order(smdp), confirm(smdp)) == ("success", "success")


def test_an_order_goes_from_available_to_installed(smdp: httpx.Client) -> None:
    released(smdp)

    answer = download(smdp)

    assert answer == {"result": "success", "iccid": ICCID, "profileType": "kestrel-esim"}
    assert profile(smdp) == {
        "iccid": ICCID,
        "state": "Installed",
        "eid": EID,
        "matchingId": "KESTREL-1",
        "profileType": "kestrel-esim",
    }


def test_confirm_order_names_the_address_and_echoes_what_is_bound(smdp: httpx.Client) -> None:
    order(smdp)

    answer = call(
        smdp, "confirmOrder", iccid=ICCID, eid=EID, matchingId="KESTREL-1", releaseFlag=True
    )

    assert answer == {
        "header": {"functionExecutionStatus": {"status": "Executed-Success"}},
        "matchingId": "KESTREL-1",
        "smdpAddress": "smdp.kestrel.example",
        "eid": EID,
    }


def test_a_padded_iccid_is_the_same_profile_and_is_echoed_padded(smdp: httpx.Client) -> None:
    answer = call(smdp, "downloadOrder", iccid=ICCID + "F", eid=EID)

    assert answer["iccid"] == ICCID + "F"
    assert order(smdp) == "8.2.1/3.3"


def test_an_order_by_type_takes_another_iccid_each_time(smdp: httpx.Client) -> None:
    iccids = {call(smdp, "downloadOrder", profileType="a")["iccid"] for _ in range(3)}

    assert len(iccids) == 3
    assert {(iccid[:4], len(iccid)) for iccid in iccids} == {("8988", 19)}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"iccid": "8999211000000000011"}, "8.2.1/1.2"),
        ({"iccid": "no iccid"}, "8.2.1/3.9"),
        ({"iccid": None, "profileType": None}, "8.2.1/2.3"),
        ({"eid": "123"}, "8.1.1/2.1"),
        ({"header": {}}, "1.1/2.2"),
        ({"header": {"functionRequesterIdentifier": "2.999.10"}}, "1.6/2.2"),
    ],
)
def test_a_wrong_download_order_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    assert order(smdp, **fields) == code


def test_a_profile_type_that_does_not_fit_is_refused(smdp: httpx.Client) -> None:
    order(smdp)
    cancel(smdp, "Available", matchingId=None)

    assert order(smdp, profileType="another") == "8.2.5/3.8"
    assert order(smdp) == "success"


def test_a_repeated_confirmation_is_refused_as_in_use(smdp: httpx.Client) -> None:
    released(smdp)

    assert confirm(smdp) == "8.2.6/3.3"
    assert confirm(smdp, matchingId="KESTREL-2") == "8.2.1/3.3"


def test_a_matching_id_bound_to_another_profile_is_refused(smdp: httpx.Client) -> None:
    released(smdp)
    order(smdp, iccid=OTHER_ICCID)

    assert confirm(smdp, iccid=OTHER_ICCID) == "8.2.6/3.3"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"releaseFlag": "true"}, "1.6/2.1"),
        ({"releaseFlag": None}, "1.6/2.2"),
        ({"iccid": None}, "8.2.1/2.2"),
        ({"iccid": OTHER_ICCID}, "8.2.1/3.5"),
        ({"eid": OTHER_EID}, "8.1.1/3.10"),
        ({"matchingId": "lower"}, "8.2.6/2.1"),
        ({"matchingId": "A" * 250}, "8.2.6/2.1"),
        ({"matchingId": "", "smdsAddress": "smds.example"}, "8.2.6/2.1"),
        ({"smdsAddress": "nowhere"}, "8.9/5.1"),
        ({"confirmationCode": 1}, "8.2.7/2.1"),
    ],
)
def test_a_wrong_confirmation_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    order(smdp)

    assert confirm(smdp, **fields) == code
    assert confirm(smdp) == "success"


def test_without_an_eid_an_empty_matching_id_is_refused(smdp: httpx.Client) -> None:
    order(smdp, eid=None)

    assert confirm(smdp, eid=None, matchingId="") == "8.1.1/2.2"


def test_an_empty_matching_id_is_found_by_its_eid(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, matchingId="")

    assert download(smdp, activationCode="1$smdp.kestrel.example$")["iccid"] == ICCID


def test_without_a_matching_id_one_is_made(smdp: httpx.Client) -> None:
    order(smdp)

    answer = call(smdp, "confirmOrder", iccid=ICCID, releaseFlag=True)

    assert answer["matchingId"] == profile(smdp)["matchingId"] != ""


def test_a_release_may_be_repeated(smdp: httpx.Client) -> None:
    order(smdp)
    assert release(smdp) == "8.2.1/3.5"
    confirm(smdp, releaseFlag=False)

    assert (release(smdp), release(smdp)) == ("success", "success")
    assert profile(smdp)["state"] == "Released"


def test_a_cancelled_profile_is_never_used_again(smdp: httpx.Client) -> None:
    released(smdp)

    assert (cancel(smdp), cancel(smdp)) == ("success", "8.2.1/3.9")
    assert order(smdp) == "8.2.1/3.3"
    assert download(smdp) == {"result": "failed", "error": "InvalidMatchingId"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"eid": None}, "8.1.1/2.2"),
        ({"eid": OTHER_EID}, "8.2.1/3.10"),
        ({"matchingId": None}, "8.2.6/2.2"),
        ({"matchingId": "KESTREL-2"}, "8.2.6/3.10"),
        ({"final": None}, "8.2.1/2.2"),
        ({"final": "Gone"}, "8.2.1/2.1"),
    ],
)
def test_a_wrong_cancellation_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    released(smdp)

    assert cancel(smdp, **fields) == code
    assert profile(smdp)["state"] == "Released"


@pytest.mark.parametrize("end", ["downloaded", "installed"])
def test_a_profile_that_a_device_has_cannot_be_cancelled(smdp: httpx.Client, end: str) -> None:
    released(smdp)
    download(smdp, end=end)

    assert cancel(smdp) == "8.2.1/3.3"


def test_a_profile_in_error_can_be_cancelled(smdp: httpx.Client) -> None:
    released(smdp)

    assert download(smdp, end="error")["error"] == "ProfileProcessingError"
    assert download(smdp)["error"] == "ProfileNotAvailableForNewBinding"
    assert cancel(smdp) == "success"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"activationCode": "1$smdp.kestrel.example$OTHER"}, "InvalidMatchingId"),
        ({"activationCode": "LPA:" + CODE}, "InvalidMatchingId"),
        ({"activationCode": "1$elsewhere.example$KESTREL-1"}, "ServerNotReachable"),
        ({"eid": OTHER_EID}, "EidMismatch"),
    ],
)
def test_a_device_that_may_not_have_the_profile_is_told_why(
    smdp: httpx.Client, fields: dict[str, str], error: str
) -> None:
    released(smdp)

    assert download(smdp, **fields) == {"result": "failed", "error": error}


def test_a_profile_is_downloaded_after_its_release_and_installed_once(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, releaseFlag=False)
    assert download(smdp)["error"] == "ProfileNotReleasedByOperator"
    release(smdp)

    assert download(smdp, end="downloaded")["result"] == "success"
    assert download(smdp)["result"] == "success"
    assert download(smdp)["error"] == "ProfileNotAvailableForNewBinding"


def test_a_confirmation_code_is_asked_for(smdp: httpx.Client) -> None:
    order(smdp)
    confirm(smdp, confirmationCode="4711")

    assert download(smdp)["error"] == "ConfirmationCodeMissing"
    assert download(smdp, confirmationCode="0815")["error"] == "IncorrectConfirmationCode"
    assert download(smdp, confirmationCode="4711")["result"] == "success"


@pytest.mark.parametrize("fields", [{"eid": "1"}, {"end": "never"}])
def test_a_wrong_device_request_is_refused(smdp: httpx.Client, fields: dict[str, str]) -> None:
    asked = {"activationCode": CODE, "eid": EID, **fields}

    assert smdp.post("/device/download", json=asked).status_code == 400


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 400),
        (PROTOCOL, b"{}", 415),
        ({**PROTOCOL, "Content-Type": "application/json"}, b"{", 400),
        ({**PROTOCOL, "Content-Type": "application/json"}, b"[]", 400),
        ({**PROTOCOL, "Content-Type": "application/json"}, b'{"iccid": "\\ud800"}', 400),
    ],
)
def test_what_is_no_es2plus_message_is_an_http_error(
    smdp: httpx.Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = smdp.post("/gsma/rsp2/es2plus/downloadOrder", content=body, headers=headers)

    assert (response.status_code, response.headers["X-Admin-Protocol"]) == (
        status,
        "gsma/rsp/v2.2.0",
    )


def test_unknown_paths_and_methods_are_refused(smdp: httpx.Client) -> None:
    assert smdp.get("/nowhere").status_code == 404
    assert smdp.get("/device/download").status_code == 405


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
def test_an_unreadable_answer_comes_as_often_as_scripted(
    smdp: httpx.Client, fault: str, status: int, code: str
) -> None:
    script(smdp, "*", fault)
    asked = {"header": HEADER, "iccid": ICCID}

    response = smdp.post("/gsma/rsp2/es2plus/downloadOrder", json=asked, headers=PROTOCOL)

    assert response.status_code == status
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        response.json()
    assert order(smdp) == code


def test_a_wrong_answer_names_what_was_not_asked(smdp: httpx.Client) -> None:
    script(smdp, "*", "wrong_iccid", times=2)

    ordered = call(smdp, "downloadOrder", iccid=ICCID, eid=EID)
    confirmed = call(smdp, "confirmOrder", iccid=ICCID, matchingId="KESTREL-1", releaseFlag=True)

    assert ordered["iccid"] != ICCID
    assert confirmed["matchingId"] != "KESTREL-1"


def test_a_delayed_answer_comes_after_the_work(smdp: httpx.Client) -> None:
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


def test_the_books_keep_every_call(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "http_500")
    for _ in range(3):
        smdp.post(
            "/gsma/rsp2/es2plus/downloadOrder",
            json={"header": HEADER, "iccid": ICCID},
            headers=PROTOCOL,
        )

    calls = smdp.get("/books").json()["calls"]

    assert [(kept["status"], kept["code"]) for kept in calls] == [
        ("NotExecuted", "http_500"),
        ("Executed-Success", ""),
        ("Failed", "8.2.1/3.3"),
    ]
    assert {(kept["iccid"], kept["callId"]) for kept in calls} == {(ICCID, "TX-567")}


def test_of_twenty_orders_at_once_one_gets_the_profile(smdp: httpx.Client) -> None:
    codes: list[str] = []
    threads = [threading.Thread(target=lambda: codes.append(order(smdp))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == ["8.2.1/3.3"] * 19 + ["success"]


def test_answers_on_a_kept_connection_do_not_stall(smdp: httpx.Client) -> None:
    began = time.monotonic()

    for _ in range(50):
        assert smdp.get("/healthz").headers["Content-Length"] == "16"

    assert time.monotonic() - began < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_profiles_survive_a_restart(tmp_path: Path, number: int) -> None:
    store = ("--store", str(tmp_path / "new" / "smdp.sqlite3"))
    with running("simulators.smdp", *store) as simulator:
        released(simulator.http)
        assert simulator.stop(number) == 0
        assert simulator.process.stdout is not None
        assert simulator.process.stdout.read() == ""

    with running("simulators.smdp", *store) as simulator:
        assert download(simulator.http)["result"] == "success"


class Operator(BaseHTTPRequestHandler):
    """Hears progress; its first answer is an error, so that the notice is sent again."""

    heard: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, body))
        self.send_response(500 if len(self.heard) == 1 else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Keep the test's output quiet."""


@pytest.fixture
def operator() -> Iterator[HTTPServer]:
    Operator.heard = []
    with HTTPServer(("127.0.0.1", 0), Operator) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_operator_hears_of_download_and_installation(operator: HTTPServer) -> None:
    with running(
        "simulators.smdp", "--notify", f"http://127.0.0.1:{operator.server_port}"
    ) as simulator:
        released(simulator.http)
        download(simulator.http)
        told = _progress(simulator.http)

    path = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
    messages = [httpx.Response(200, content=body).json() for _path, body in Operator.heard]
    assert [heard_path for heard_path, _body in Operator.heard] == [path] * 3
    assert [message["notificationPointId"] for message in messages] == [3, 3, 4]
    assert {message["iccid"] for message in messages} == {ICCID}
    assert [kept["status"] for kept in told] == ["204", "204"]


def _progress(smdp: httpx.Client) -> list[dict[str, str]]:
    """Wait for both notices to be answered."""
    for _ in range(100):
        calls = smdp.get("/books").json()["calls"]
        told = [kept for kept in calls if kept["function"] == "handleDownloadProgressInfo"]
        if len(told) == 2:
            return told
        time.sleep(0.05)
    pytest.fail("the operator was not told")
