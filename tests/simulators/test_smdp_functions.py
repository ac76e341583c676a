"""The answers of the four ES2+ functions (SGP.22 v2.2, 5.3.1 to 5.3.4)."""

from typing import Any

import httpx
import pytest

from tests.simulators.es2plus import (
    EID,
    HEADER,
    ICCID,
    OTHER_EID,
    OTHER_ICCID,
    PATH,
    PROTOCOL,
    call,
    cancel,
    confirm,
    order,
    profile,
    released,
)
from tests.simulators.process import running


def test_confirm_order_names_the_address_and_repeats_the_bound_values(smdp: httpx.Client) -> None:
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


def test_a_padded_iccid_is_the_same_profile_and_stays_padded_in_the_answer(
    smdp: httpx.Client,
) -> None:
    answer = call(smdp, "downloadOrder", iccid=ICCID + "F", eid=EID)

    assert answer["iccid"] == ICCID + "F"
    assert order(smdp) == "8.2.1/3.3"


@pytest.mark.parametrize("padding", ["", "F", "FF"])
def test_an_iccid_of_18_digits_may_be_filled_up_to_20(smdp: httpx.Client, padding: str) -> None:
    short = "894944999999999004"

    assert order(smdp, iccid=short + padding) == "success"
    assert profile(smdp)["iccid"] == short


def test_an_order_by_type_takes_another_iccid_each_time(smdp: httpx.Client) -> None:
    iccids = {call(smdp, "downloadOrder", profileType="a")["iccid"] for _ in range(3)}

    assert len(iccids) == 3
    assert {(iccid[:4], len(iccid)) for iccid in iccids} == {("8988", 19)}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"iccid": "8999211000000000011"}, "8.2.1/1.2"),
        ({"iccid": "no iccid"}, "8.2.1/3.9"),
        ({"iccid": None, "profileType": None}, "1.6/2.3"),
        ({"eid": "123"}, "1.6/2.1"),
        ({"profileType": 1}, "1.6/2.1"),
        ({"header": {}}, "1.1/2.2"),
        ({"header": {"functionRequesterIdentifier": "2.999.10"}}, "1.6/2.2"),
    ],
)
def test_a_wrong_download_order_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    assert order(smdp, **fields) == code


def test_another_profile_type_is_refused(smdp: httpx.Client) -> None:
    order(smdp)
    cancel(smdp, "Available", matchingId=None)

    assert order(smdp, profileType="another") == "8.2.5/3.8"
    assert order(smdp) == "success"


def test_a_repeated_confirmation_is_refused_as_in_use(smdp: httpx.Client) -> None:
    released(smdp)

    assert confirm(smdp) == "8.2.6/3.3"
    assert confirm(smdp, matchingId="KESTREL-2") == "8.2.1/1.2"


def test_a_matching_id_bound_to_another_profile_is_refused(smdp: httpx.Client) -> None:
    released(smdp)
    order(smdp, iccid=OTHER_ICCID)

    assert confirm(smdp, iccid=OTHER_ICCID) == "8.2.6/3.3"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"releaseFlag": "true"}, "1.6/2.1"),
        ({"releaseFlag": None}, "1.6/2.2"),
        ({"iccid": None}, "1.6/2.2"),
        ({"iccid": OTHER_ICCID}, "8.2.1/1.2"),
        ({"eid": OTHER_EID}, "8.1.1/3.10"),
        ({"matchingId": "lower"}, "1.6/2.1"),
        ({"matchingId": "A" * 250}, "1.6/2.1"),
        ({"matchingId": "", "smdsAddress": "smds.example"}, "1.6/2.1"),
        ({"smdsAddress": "nowhere"}, "8.9/5.1"),
        ({"confirmationCode": 1}, "1.6/2.1"),
    ],
)
def test_a_wrong_confirmation_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    order(smdp)

    assert confirm(smdp, **fields) == code
    assert confirm(smdp) == "success"


def test_an_empty_matching_id_without_an_eid_is_refused(smdp: httpx.Client) -> None:
    order(smdp, eid=None)

    assert confirm(smdp, eid=None, matchingId="") == "8.1.1/2.2"


def test_a_missing_matching_id_is_invented(smdp: httpx.Client) -> None:
    order(smdp)

    answer = call(smdp, "confirmOrder", iccid=ICCID, releaseFlag=True)

    assert answer["matchingId"] == profile(smdp)["matchingId"] != ""


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"eid": None}, "8.2.1/3.10"),
        ({"eid": OTHER_EID}, "8.2.1/3.10"),
        ({"matchingId": None}, "8.2.6/3.10"),
        ({"matchingId": "KESTREL-2"}, "8.2.6/3.10"),
        ({"final": None}, "1.6/2.2"),
        ({"final": "Gone"}, "1.6/2.1"),
    ],
)
def test_a_wrong_cancellation_is_refused(
    smdp: httpx.Client, fields: dict[str, Any], code: str
) -> None:
    released(smdp)

    assert cancel(smdp, **fields) == code
    assert profile(smdp)["state"] == "Released"


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
def test_a_request_that_is_not_es2plus_gets_an_http_error(
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


@pytest.mark.parametrize("option", [("--odd",), ("--protocol", "v3.1.0", "--no-address")])
def test_a_newer_server_names_its_version_and_no_address(option: tuple[str, ...]) -> None:
    asked = {"header": HEADER, "iccid": ICCID, "eid": EID}
    with running("simulators.smdp", *option) as simulator:
        answers = [
            simulator.http.post(PATH + "downloadOrder", json=asked, headers=PROTOCOL),
            simulator.http.post(
                PATH + "confirmOrder",
                json={**asked, "matchingId": "KESTREL-1", "releaseFlag": True},
                headers=PROTOCOL,
            ),
            simulator.http.post(PATH + "confirmOrder"),
        ]

    assert {answer.headers["X-Admin-Protocol"] for answer in answers} == {"gsma/rsp/v3.1.0"}
    assert answers[1].json().keys() == {"header", "matchingId", "eid"}
