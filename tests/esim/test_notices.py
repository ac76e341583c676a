"""`esim.notices`: notices in every form that SM-DP+ platforms send."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esim import notices
from esim.notices import UnreadableNotice
from tests.builders import EID

ICCID = "8949449999999990023"
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
STANDARD: dict[str, Any] = {
    "header": {"functionRequesterIdentifier": "2.999.20", "functionCallIdentifier": "TX-1"},
    "eid": EID,
    "iccid": ICCID,
    "profileType": "consumer",
    "timestamp": "2026-11-21T10:00:00Z",
    "notificationPointId": 4,
    "notificationPointStatus": {"status": "Executed-Success"},
}


def without(name: str, **more: Any) -> dict[str, Any]:
    return {**{key: STANDARD[key] for key in STANDARD if key != name}, **more}


# The forms of the standard and of real platforms
# (docs/es2plus.md#handledownloadprogressinfo).
FORMS: dict[str, dict[str, Any]] = {
    "as in the schema": STANDARD,
    "as in the specification's example": without(
        "timestamp", timeStamp="2026-11-21T10:00:00Z", notificationPointId="4"
    ),
    "an offset instead of Z": {**STANDARD, "timestamp": "2026-11-21T11:00:00+01:00"},
    "a fraction of a second": {**STANDARD, "timestamp": "2026-11-21T10:00:00.000Z"},
    "an epoch in seconds, as text": without(
        "timestamp", timeStamp="1795255200", notificationPointId="4"
    ),
    "an epoch in milliseconds, as a number": {**STANDARD, "timestamp": 1795255200000},
    "an epoch with a fraction": {**STANDARD, "timestamp": 1795255200.0},
    "a point with a fraction": {**STANDARD, "notificationPointId": 4.0},
    "a point with a fraction, as text": {**STANDARD, "notificationPointId": " 4.0 "},
    "a padded ICCID": {**STANDARD, "iccid": f"{ICCID}F"},
    "a padded ICCID in lower case": {**STANDARD, "iccid": f"{ICCID}f"},
    "additional device fields": {
        **STANDARD,
        "imei": "490154203237518",
        "tac": "49015420",
    },
    "without an EID": without("eid"),
    "with a result from the eUICC": {**STANDARD, "resultData": "vzcF"},
    "a status without its object": {**STANDARD, "notificationPointStatus": "Executed-Success"},
    "codes that are null": {
        **STANDARD,
        "notificationPointStatus": {"status": "Executed-Success", "statusCodeData": None},
    },
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_is_parsed_to_the_same_notice(form: dict[str, Any]) -> None:
    notice = notices.parse_notice(form)

    assert (notice.iccid, notice.point, notice.status) == (ICCID, "4", "Executed-Success")
    assert (notice.at, notice.codes) == (AT, ("", ""))


@pytest.mark.parametrize("iccid", ["894944999999999002", ICCID, "89882110000000000010"])
@pytest.mark.parametrize("padding", ["", "F", "FF"])
def test_an_iccid_has_18_to_20_digits_and_may_be_padded(iccid: str, padding: str) -> None:
    assert notices.parse_notice({**STANDARD, "iccid": iccid + padding}).iccid == iccid


@pytest.mark.parametrize("point", [True, 4.5, "4.5", "4 4", "\u0664", "4" + " " * 12 + "x", [4]])
def test_a_point_that_is_no_whole_number_is_not_taken_for_one(point: Any) -> None:
    notice = notices.parse_notice({**STANDARD, "notificationPointId": point})

    assert notice.point != "4"


def test_the_eid_of_a_notice_is_read_but_not_stored_in_the_raw_message() -> None:
    notice = notices.parse_notice({**STANDARD, "eid": f" {EID}"})

    assert (notice.eid, "eid" in notice.raw) == (EID, False)
    assert notices.parse_notice(without("eid")).eid == ""


def test_a_notice_with_a_wrong_check_digit_is_accepted() -> None:
    assert notices.parse_notice({**STANDARD, "iccid": "8949449999999990024"}).iccid.endswith("24")


def test_a_failure_has_its_codes() -> None:
    codes = {"subjectCode": "8.2.10", "reasonCode": "4.2", "message": "no"}
    failed = {"status": "Failed", "statusCodeData": codes}

    assert notices.parse_notice({**STANDARD, "notificationPointStatus": failed}).codes == (
        "8.2.10",
        "4.2",
    )


def test_device_identifiers_are_not_stored_in_the_raw_message() -> None:
    raw = notices.parse_notice({**STANDARD, "imei": "490154203237518", "vendor": {"a": [1]}}).raw

    assert not {"eid", "imei", "tac"} & raw.keys()
    assert raw["vendor"] == {"a": [1]}


@pytest.mark.parametrize("body", [None, [], "x", 4, {}, {"iccid": None}, {"iccid": "1"}])
def test_a_notice_without_an_iccid_is_unreadable(body: Any) -> None:
    with pytest.raises(UnreadableNotice):
        notices.parse_notice(body)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "99999999999999"])
def test_an_unreadable_time_is_none(text: str) -> None:
    assert notices.parse_time(text) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*STANDARD, "timeStamp", "other"]), anything))
def test_any_json_is_refused_or_can_be_stored(body: dict[str, Any]) -> None:
    try:
        notice = notices.parse_notice({"iccid": ICCID, **body})
    except UnreadableNotice:
        return
    stored = json.dumps(notice.raw, allow_nan=False, ensure_ascii=False).encode()
    assert b"\\u0000" not in stored
    assert "\0" not in f"{notice.point}{notice.status}{notice.timestamp}{notice.codes}"
