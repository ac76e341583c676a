"""`mobileplans.domain.lpa_errors`: the host's report of a failed download."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobileplans.domain.lpa_advice import Remedy
from mobileplans.domain.lpa_errors import (
    LONGEST_HEADER,
    MOST_ERRORS,
    LpaErrors,
    parse_app_report,
    parse_lpa_code,
    parse_lpa_errors,
    parse_us_time,
)
from mobileplans.domain.lpa_table import TABLE
from mobileplans.words import WINDOWS_CODES, LpaCode

ICCID = "8949449999999990023"
# Windows' number of each status (winrt-api,
# ESimOperationStatus), its name and its remedy.
REMEDIES = {
    0: ("Success", "none"),
    1: ("NotAuthorized", "support"),
    2: ("NotFound", "reissue"),
    3: ("PolicyViolation", "reissue"),
    4: ("InsufficientSpaceOnCard", "device"),
    5: ("ServerFailure", "retry"),
    6: ("ServerNotReachable", "retry"),
    7: ("TimeoutWaitingForUserConsent", "retry"),
    8: ("IncorrectConfirmationCode", "reissue"),
    9: ("ConfirmationCodeMaxRetriesExceeded", "reissue"),
    10: ("CardRemoved", "device"),
    11: ("CardBusy", "retry"),
    12: ("Other", "retry"),
    13: ("CardGeneralFailure", "device"),
    14: ("ConfirmationCodeMissing", "reissue"),
    15: ("InvalidMatchingId", "reissue"),
    16: ("NoEligibleProfileForThisDevice", "reissue"),
    17: ("OperationAborted", "retry"),
    18: ("EidMismatch", "reissue"),
    19: ("ProfileNotAvailableForNewBinding", "reissue"),
    20: ("ProfileNotReleasedByOperator", "retry"),
    21: ("OperationProhibitedByProfileClass", "support"),
    22: ("ProfileNotPresent", "reissue"),
    23: ("NoCorrespondingRequest", "retry"),
    24: ("TimeoutWaitingForResponse", "retry"),
    25: ("IccidAlreadyExists", "activate"),
    26: ("ProfileProcessingError", "support"),
    27: ("ServerNotTrusted", "support"),
    28: ("ProfileDownloadMaxRetriesExceeded", "support"),
}
APP_RESULTS = {
    "unknownError": "retry",
    "lpaInitializationError": "device",
    "modemNotFound": "device",
    "localSettingsAccessFailed": "device",
    "invalidJson": "support",
    "invalidCallback": "support",
    "invalidActivationCode": "reissue",
    "invalidIccid": "support",
}


@pytest.mark.parametrize("number", REMEDIES)
def test_every_windows_status_has_its_row(number: int) -> None:
    name, remedy = REMEDIES[number]
    code = parse_lpa_code(name)

    assert (code.number, TABLE[code].remedy) == (number, remedy)
    assert parse_lpa_code(str(number)) == parse_lpa_code(name.upper()) == code
    assert parse_lpa_code(f" {name[0].lower()}{name[1:]} ") == code
    assert parse_lpa_code(f"\u200e{name}\ufeff") == code


@pytest.mark.parametrize("name", APP_RESULTS)
def test_every_app_result_has_its_row(name: str) -> None:
    code = parse_lpa_code(name)

    assert (str(code), code.number, TABLE[code].remedy) == (name, None, APP_RESULTS[name])


@pytest.mark.parametrize("code", LpaCode)
def test_every_row_has_texts_for_customers_and_staff(code: LpaCode) -> None:
    row = TABLE[code]

    assert all(
        str(text) for text in (row.meaning, row.staff_advice, row.title, row.text, *row.steps)
    )
    assert len(row.steps) <= 2
    for text in (row.title, row.text, *row.steps):
        assert "ICCID" not in str(text)
        assert "!" not in str(text)


def test_the_table_is_complete() -> None:
    assert len(REMEDIES) == WINDOWS_CODES == 29
    assert set(TABLE) == set(LpaCode)


@pytest.mark.parametrize("unknown", ["Foo", "29", "-1", "999999", "1.0", "\u0661", "", "Success\0"])
def test_an_unknown_code_becomes_other(unknown: str) -> None:
    assert parse_lpa_code(unknown) == LpaCode.OTHER


TIMES = {
    "11/14/2018 3:07:05 PM": datetime(2018, 11, 14, 15, 7, 5, tzinfo=UTC),
    "1/2/2026 12:00:00 AM": datetime(2026, 1, 2, tzinfo=UTC),
    "1/2/2026 12:00:00 PM": datetime(2026, 1, 2, 12, tzinfo=UTC),
    "01/02/2026 03:04:05 am": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04 PM": datetime(2026, 1, 2, 15, 4, tzinfo=UTC),
    "1/2/2026 15:04:05": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05 PM +02:00": datetime(2026, 1, 2, 13, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05 PM -0730": datetime(2026, 1, 2, 22, 34, 5, tzinfo=UTC),
    "1/2/2026 3:04:05 PM +2": datetime(2026, 1, 2, 13, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05 PM Z": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05 PM UTC": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05.123 PM": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05\u202fPM": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "1/2/2026 3:04:05\xa0PM": datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC),
    "\u200e1\u200e/\u200e2\u200e/\u200e2026\u200e \u200e3\u200e:\u200e04\u200e \u200ePM": datetime(
        2026, 1, 2, 15, 4, tzinfo=UTC
    ),
    "14/1/2018 3:07:05 PM": None,
    "2/30/2018 3:07:05 PM": None,
    "1/2/2026 13:00:00 PM": None,
    "1/1/0001 1:00:00 AM +14:00": None,
    "1/2/2026 3:04:05 PM +99:00": None,
    "2026-01-02T15:04:05Z": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_times_are_parsed_in_us_format(text: str) -> None:
    assert parse_us_time(text) == TIMES[text]


def test_codes_and_times_are_paired_by_position() -> None:
    more_codes = parse_lpa_errors("CardBusy, EidMismatch", "1/2/2026 3:04:05 PM")
    more_times = parse_lpa_errors("CardBusy", "1/2/2026 3:04:05 PM, 1/2/2026 4:04:05 PM")

    assert [bool(error.at) for error in more_codes.errors] == [True, False]
    assert len(more_times.errors) == 1


def test_an_unreadable_time_is_kept_as_sent() -> None:
    (error,) = parse_lpa_errors("CardBusy", "soon").errors

    assert (error.at, error.at_as_sent) == (None, "soon")


@pytest.mark.parametrize(
    ("codes", "times", "deciding"),
    [
        ("CardBusy,EidMismatch", "", "EidMismatch"),
        ("CardBusy,EidMismatch", "1/2/2026 5:00:00 PM,1/2/2026 4:00:00 PM", "CardBusy"),
        ("CardBusy,EidMismatch", "1/2/2026 5:00:00 PM,1/2/2026 5:00:00 PM", "EidMismatch"),
        ("CardBusy,EidMismatch", "1/2/2026 5:00:00 PM,soon", "CardBusy"),
        ("CardBusy,EidMismatch", "1/2/2026 5:00:00 PM +05:00,1/2/2026 4:00:00 PM", "EidMismatch"),
        ("CardBusy,Success", "", "Success"),
    ],
)
def test_the_newest_error_decides_and_without_times_the_last_one(
    codes: str, times: str, deciding: str
) -> None:
    errors = parse_lpa_errors(codes, times)

    assert errors.deciding is not None
    assert errors.deciding.code == deciding
    assert errors.is_problem == (deciding != "Success")


@pytest.mark.parametrize("codes", ["", " ", ",", ",,,", "Success", "success", "0"])
def test_an_empty_header_or_a_success_is_no_problem(codes: str) -> None:
    assert not parse_lpa_errors(codes).is_problem


@pytest.mark.parametrize("sent", [ICCID, f"{ICCID}F", f" {ICCID} ", f"junk, {ICCID}", f'"{ICCID}"'])
def test_the_iccid_is_parsed_as_in_a_launch(sent: str) -> None:
    assert parse_lpa_errors("CardBusy", "", sent).iccid == ICCID


def test_a_long_header_is_cut_and_the_item_that_is_cut_is_dropped() -> None:
    many = "CardBusy," * 500
    cut = parse_lpa_errors(many + "EidMismatch")
    exact = "x" * (LONGEST_HEADER - 9) + ",CardBusy"

    assert len(cut.errors) == MOST_ERRORS
    assert {str(error.code) for error in cut.errors} == {"CardBusy"}
    assert [str(error.code) for error in parse_lpa_errors(exact + ",EidMismatch").errors] == [
        "Other",
        "CardBusy",
    ]
    assert parse_lpa_errors("x" * 1_000_000).errors == ()


def test_kept_texts_are_safe_in_log_lines_and_pages() -> None:
    (error,) = parse_lpa_errors("Foo\r\nSet-Cookie: a=b\u2028\x00<script>", "\x1b[31m").errors

    assert error.code_as_sent.isprintable()
    assert error.at_as_sent.isprintable()


@given(st.text(), st.text(), st.text())
def test_no_header_raises_an_exception(a: str, b: str, c: str) -> None:
    assert isinstance(parse_lpa_errors(a, b, c), LpaErrors)


TIME_LIKE = st.from_regex(r"\d{1,2}/\d{1,2}/\d{1,4} \d{1,2}:\d{2}(:\d{2})? ?[AP]?M? ?[+-]?\d{0,4}")


@given(st.lists(st.sampled_from([*LpaCode, "x"])), st.lists(TIME_LIKE))
def test_no_plausible_header_raises_an_exception(names: list[str], times: list[str]) -> None:
    errors = parse_lpa_errors(",".join(names), ",".join(times))

    assert [str(error.code) for error in errors.errors] == [
        "Other" if name == "x" else name for name in names
    ][-MOST_ERRORS:]
    for error in errors.errors:
        assert error.at is None or error.at.tzinfo == UTC


@given(st.text() | st.just("[" * 100_000))
def test_no_report_of_the_app_raises_an_exception(text: str) -> None:
    result, iccid = parse_app_report(text, "activationResult")

    assert result.isprintable()
    assert iccid is None or iccid.isdigit()


def test_a_report_of_the_app_is_parsed() -> None:
    report = f'{{"activationResult": "eidMismatch", "iccid": "{ICCID}"}}'

    assert parse_app_report(report, "activationResult") == ("eidMismatch", ICCID)
    assert parse_app_report('{"activationResult": {}}', "activationResult") == ("", None)
    assert parse_app_report("[1]", "activationResult") == ("", None)


def test_every_remedy_of_the_contract_is_used() -> None:
    assert {row.remedy for row in TABLE.values()} == set(Remedy)
