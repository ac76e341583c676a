"""`esim.es2plus.answers`: every class of answers (docs/es2plus.md#errors) has its own outcome."""

import json
import uuid
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from esim.es2plus import client as es2plus
from esim.es2plus.answers import Answer, Outcome, parse_answer
from esim.es2plus.functions import (
    Confirmed,
    ConfirmOrder,
    DownloadOrder,
    ReleaseProfile,
    pad_iccid,
)
from esim.models import SmdpProvider
from moportal.http_client import Reply
from tests.providers import break_it

ICCID = "8949449999999990023"
ORDER = DownloadOrder(ICCID, "consumer")


def body(status: object = "Executed-Success", /, **fields: object) -> bytes:
    codes = fields.pop("codes", None)
    execution = {"status": status, **({"statusCodeData": codes} if codes else {})}
    return json.dumps({"header": {"functionExecutionStatus": execution}, **fields}).encode()


def parse(
    content: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> Answer[None]:
    lowered = {name.lower(): text for name, text in (headers or {}).items()}
    return parse_answer(Reply(status, content, lowered), ReleaseProfile(ICCID))


def call(**provider: Any) -> Answer[Any]:
    fields = {"code": "one", "requester_identifier": "2.999.10", **provider}
    return es2plus.call(
        ORDER, provider=SmdpProvider(**fields), call_identifier=uuid.uuid4(), timeout=3
    )


def test_an_executed_function_is_a_success() -> None:
    assert parse(body()).outcome == Outcome.SUCCESS


def test_a_warning_is_success_and_keeps_its_codes_and_message() -> None:
    codes = {"subjectCode": "8.2.1", "reasonCode": "4.3", "message": "nearly out"}

    found = parse(body("Executed-WithWarning", codes=codes))

    assert (found.outcome, found.codes) == (Outcome.WARNING, ("8.2.1", "4.3"))
    assert "nearly out" in found.detail


def test_a_failure_has_its_two_codes() -> None:
    found = parse(body("Failed", codes={"subjectCode": "8.2.1", "reasonCode": "3.3"}))

    assert (found.outcome, found.codes) == (Outcome.FAILED, ("8.2.1", "3.3"))


def test_a_failure_without_codes_is_still_a_failure() -> None:
    assert parse(body("Failed")).outcome == Outcome.FAILED


def test_an_expired_call_has_its_own_outcome() -> None:
    assert parse(body("Expired")).outcome == Outcome.EXPIRED


@pytest.mark.parametrize(
    "content",
    [
        body("Something"),
        body([]),
        body(None),
        b"<html>busy</html>",
        b"",
        b"[]",
        b'"text"',
        b"{}",
        b'{"header": {}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_anything_but_an_es2plus_answer_is_unreadable(content: bytes) -> None:
    assert parse(content).outcome == Outcome.UNREADABLE


def test_an_answer_with_another_content_type_is_unreadable() -> None:
    assert parse(body(), headers={"Content-Type": "text/html"}).outcome == Outcome.UNREADABLE


PROTOCOLS = {"v2.0.0": "", "v2.5.0": "", "v3.1.0": "", "v10.0": "", "3.1.0": "odd", "": "odd"}


@pytest.mark.parametrize(("version", "logged"), PROTOCOLS.items())
def test_no_answer_is_refused_for_its_version(version: str, logged: str) -> None:
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "X-Admin-Protocol": f"gsma/rsp/{version}",
    }

    with capture_logs() as logs:
        found = parse(body(), headers=headers)

    assert found.outcome == Outcome.SUCCESS
    assert [log["event"] for log in logs] == [f"{logged} X-Admin-Protocol"] * bool(logged)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_smdp_is_called_again_later(status: int) -> None:
    assert parse(b"", status=status).outcome == Outcome.COME_BACK


@pytest.mark.parametrize("status", [202, 204, 300])
def test_a_status_that_the_standard_does_not_have_is_unreadable(status: int) -> None:
    assert parse(b"", status=status).outcome == Outcome.UNREADABLE


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_client_error_is_a_refusal(status: int) -> None:
    assert parse(b"", status=status).outcome == Outcome.REFUSED


@pytest.mark.parametrize("status", [308, 401, 403, 404, 405, 407, 421, 495, 496])
def test_an_address_or_caller_that_is_not_accepted_is_a_setting(status: int) -> None:
    assert parse(b"", status=status).outcome == Outcome.MISCONFIGURED


# The titles of nginx's pages for a client certificate that it refuses or misses.
@pytest.mark.parametrize(
    "title", ["400 The SSL certificate error", "400 No required SSL certificate was sent"]
)
def test_a_certificate_that_nginx_refuses_is_a_setting(title: str) -> None:
    page = f"<html><head><title>{title}</title></head></html>".encode()

    assert parse(page, status=400).outcome == Outcome.MISCONFIGURED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5),
        ("0", 0),
        ("86400", 30),
        ("9" * 9, 30),
        ("9" * 5000, 0),
        ("-1", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
        ("", 0),
    ],
)
def test_a_requested_pause_is_kept_but_never_more_than_thirty_seconds(
    header: str, seconds: float
) -> None:
    found = parse(b"", status=429, headers={"Retry-After": header})

    assert found.retry_after == timedelta(seconds=seconds)


def test_a_pause_may_be_requested_as_a_date() -> None:
    header = format_datetime(now() + timedelta(seconds=20))

    found = parse(b"", status=503, headers={"Retry-After": header}).retry_after

    assert timedelta(seconds=15) < found <= timedelta(seconds=20)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"matchingId": "OTHER"},
        {"matchingId": "OURS", "eid": "89049032000000000000000000000066"},
        {"matchingId": "OURS", "smdpAddress": "https://smdp.example"},
        {"matchingId": "OURS", "smdpAddress": "smdp.example$$1"},
        {"matchingId": "OURS", "smdpAddress": ["smdp.example"]},
        {"matchingId": "OURS", "confirmationCode": "1234"},
        {"matchingId": "OURS", "ccRequiredFlag": True},
        {"matchingId": "OURS", "ccRequiredFlag": "true"},
        {"matchingId": "OURS", "ccRequiredFlag": ["perhaps"]},
    ],
)
def test_a_confirmation_that_differs_from_the_request_is_a_contradiction(
    fields: dict[str, object],
) -> None:
    found = parse_answer(Reply(200, body(**fields)), ConfirmOrder(ICCID, "OURS"))

    assert (found.outcome, found.result) == (Outcome.CONTRADICTION, None)


@pytest.mark.parametrize("flag", [None, False, 0, "", "0", "false"])
def test_a_confirmation_code_that_is_not_required_is_no_contradiction(flag: object) -> None:
    content = body(matchingId="OURS", ccRequiredFlag=flag)

    assert parse_answer(Reply(200, content), ConfirmOrder(ICCID, "OURS")).outcome == Outcome.SUCCESS


@pytest.mark.parametrize("iccid", [None, "", 8949449999999990023, "8988999999999999993"])
def test_an_order_that_differs_from_the_request_is_a_contradiction(iccid: object) -> None:
    found = parse_answer(Reply(200, body(iccid=iccid)), ORDER)

    assert found.outcome == Outcome.CONTRADICTION


@pytest.mark.parametrize("padding", ["", "F", "f"])
def test_an_iccid_with_padding_is_the_same_iccid(padding: str) -> None:
    found = parse_answer(Reply(200, body(iccid=ICCID + padding)), ORDER)

    assert found.result is not None
    assert found.result.iccid == ICCID


def test_an_address_in_the_answer_is_part_of_the_result() -> None:
    content = body(matchingId="OURS", eid="", smdpAddress="other.example")

    found = parse_answer(Reply(200, content), ConfirmOrder(ICCID, "OURS"))

    assert found.result == Confirmed("OURS", "other.example")


def test_values_that_are_not_codes_are_left_out() -> None:
    codes = parse(body("Failed", codes={"subjectCode": "9" * 50, "reasonCode": 7})).codes

    assert codes == ("", "")


def test_the_stored_part_of_an_answer_has_no_nul() -> None:
    assert "\0" not in parse(b"a\0b", status=500).detail


def test_an_iccid_is_padded_only_for_providers_that_want_it() -> None:
    plain, pads = SmdpProvider(pads_iccid=False), SmdpProvider(pads_iccid=True)

    assert pad_iccid(ICCID, plain) == ICCID
    assert pad_iccid(ICCID, pads) == f"{ICCID}F"
    assert pad_iccid("89882110000000000010", pads) == "89882110000000000010"
    assert pad_iccid("894944999999999004", pads) == "894944999999999004FF"


def test_a_call_that_finds_no_server_was_not_sent(settings: Settings) -> None:
    settings.SMDP_URL = "http://127.0.0.1:9"

    assert call().outcome == Outcome.NOT_SENT


@pytest.mark.parametrize("address", ["", "smdp.example", "http://smdp.example", "https://[::1"])
def test_a_missing_or_wrong_address_is_reported_with_its_variable(
    settings: Settings, address: str
) -> None:
    settings.SMDP_URL = address

    found = call(code="second-one")

    assert found.outcome == Outcome.NOT_SENT
    assert "SMDP_URL_SECOND_ONE" in found.detail


def test_after_a_lost_answer_the_outcome_is_unknown(smdp: str) -> None:
    break_it(smdp, "downloadOrder", "drop_after")

    assert call().outcome == Outcome.NO_ANSWER
