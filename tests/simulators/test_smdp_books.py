"""The books: every call with its message, its sender and its answer."""

import json
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.simulators.es2plus import (
    CODE,
    EID,
    HEADER,
    ICCID,
    PATH,
    PROTOCOL,
    calls,
    download,
    order,
    released,
    script,
)
from tests.simulators.operator import listening
from tests.simulators.process import running

PROGRESS = "handleDownloadProgressInfo"


def test_the_books_keep_every_call(smdp: httpx.Client) -> None:
    script(smdp, "downloadOrder", "http_500")
    for _ in range(3):
        smdp.post(
            "/gsma/rsp2/es2plus/downloadOrder",
            json={"header": HEADER, "iccid": ICCID},
            headers=PROTOCOL,
        )

    assert [(kept["status"], kept["code"]) for kept in calls(smdp)] == [
        ("NotExecuted", "http_500"),
        ("Executed-Success", ""),
        ("Failed", "8.2.1/3.3"),
    ]
    assert {(kept["iccid"], kept["callId"]) for kept in calls(smdp)} == {(ICCID, "TX-567")}


def test_a_call_is_stored_byte_by_byte_with_its_answer(smdp: httpx.Client) -> None:
    # Spaces, order and unknown fields are kept, so that a golden message can be compared.
    sent = f'{{ "iccid":"{ICCID}" , "header":{json.dumps(HEADER)}, "vendor" : "ü" }}'
    headers = {**PROTOCOL, "Content-Type": "application/json"}

    answer = smdp.post(PATH + "downloadOrder", content=sent.encode(), headers=headers)

    (kept,) = calls(smdp)
    assert (kept["request"], kept["client"]) == (sent, "")
    assert kept["answer"] == {"status": 200, "body": answer.text}


@pytest.mark.parametrize(
    ("fault", "status"), [("html", 200), ("malformed", 200), ("http", 503), ("http_after", 503)]
)
def test_an_answer_changed_by_a_fault_is_stored_as_it_was_sent(
    smdp: httpx.Client, fault: str, status: int
) -> None:
    script(smdp, "downloadOrder", fault)

    answer = smdp.post(
        PATH + "downloadOrder", json={"header": HEADER, "iccid": ICCID}, headers=PROTOCOL
    )

    assert calls(smdp)[0]["answer"] == {"status": status, "body": answer.text}


@pytest.mark.parametrize(
    ("fault", "status"), [("drop_before", "NotExecuted"), ("drop_after", "Executed-Success")]
)
def test_a_call_without_an_answer_is_stored_with_none(
    smdp: httpx.Client, fault: str, status: str
) -> None:
    script(smdp, "downloadOrder", fault)

    with pytest.raises(httpx.RemoteProtocolError):
        order(smdp)

    (kept,) = calls(smdp)
    assert (kept["status"], kept["answer"]) == (status, None)


def test_a_notification_is_stored_with_the_status_of_its_answer() -> None:
    with listening() as operator, running("simulators.smdp", "--notify", operator.url) as simulator:
        released(simulator.http)
        download(simulator.http)
        # The first notification is in the books before the second is sent.
        operator.receive(2)
        kept = next(kept for kept in calls(simulator.http) if kept["function"] == PROGRESS)

    assert (kept["status"], kept["iccid"]) == ("204", ICCID)
    assert kept["request"].encode() == operator.received[0][1]
    assert kept["answer"] == {"status": 204, "body": ""}


OLD_SCHEMA = """
CREATE TABLE profile (
    iccid TEXT PRIMARY KEY, state TEXT NOT NULL, profile_type TEXT NOT NULL DEFAULT '',
    eid TEXT NOT NULL DEFAULT '', matching_id TEXT, confirmation_code_hash TEXT NOT NULL DEFAULT ''
);
CREATE TABLE call (
    id INTEGER PRIMARY KEY, function TEXT NOT NULL, iccid TEXT NOT NULL,
    call_identifier TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, at TEXT NOT NULL
);
"""


def test_books_of_an_older_simulator_still_work(tmp_path: Path) -> None:
    file = tmp_path / "smdp.sqlite3"
    with sqlite3.connect(file) as older:
        older.executescript(OLD_SCHEMA)
        older.execute(
            "INSERT INTO profile VALUES (?, 'Released', 'kestrel-esim', ?, 'KESTREL-1', '')",
            (ICCID, EID),
        )
        older.execute(
            "INSERT INTO call VALUES (1, 'releaseProfile', ?, 'TX', 'a', '', '')", (ICCID,)
        )
    older.close()

    with running("simulators.smdp", "--store", str(file)) as simulator:
        asked = {"activationCode": CODE, "eid": EID}
        assert simulator.http.post("/device/download", json=asked).json()["result"] == "success"
        assert order(simulator.http) == "8.2.1/3.3"
        assert [kept["request"] is None for kept in calls(simulator.http)] == [True, False]
