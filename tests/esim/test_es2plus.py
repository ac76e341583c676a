"""`esim.es2plus`: every class of answer of `es2plus.md`, section 8, is its own result."""

import json
import uuid

import pytest

from esim import es2plus
from esim.es2plus import Outcome
from esim.models import SmdpProvider
from moportal.outside import Reply
from tests.providers import break_it


def answer(status: object = "Executed-Success", **codes: object) -> bytes:
    execution = {"status": status, **({"statusCodeData": codes} if codes else {})}
    return json.dumps({"header": {"functionExecutionStatus": execution}}).encode()


@pytest.mark.parametrize("status", ["Executed-Success", "Executed-WithWarning"])
def test_executed_is_success_with_a_warning_too(status: str) -> None:
    assert es2plus.read(Reply(200, answer(status))).outcome == Outcome.SUCCESS


def test_failed_carries_its_two_codes() -> None:
    read = es2plus.read(Reply(200, answer("Failed", subjectCode="8.2.1", reasonCode="3.3")))

    assert (read.outcome, read.codes) == (Outcome.FAILED, ("8.2.1", "3.3"))


def test_failed_without_codes_is_still_failed() -> None:
    assert es2plus.read(Reply(200, answer("Failed"))).outcome == Outcome.FAILED


@pytest.mark.parametrize(
    "body",
    [
        answer("Expired"),
        answer("Something"),
        answer([]),
        answer(None),
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
def test_what_is_no_answer_leaves_the_outcome_unknown(body: bytes) -> None:
    assert es2plus.read(Reply(200, body)).outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 302, 202])
def test_trouble_on_the_way_leaves_the_outcome_unknown(status: int) -> None:
    assert es2plus.read(Reply(status, b"")).outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_a_client_error_is_a_refusal(status: int) -> None:
    assert es2plus.read(Reply(status, b"")).outcome == Outcome.REFUSED


def test_codes_that_are_none_are_left_out() -> None:
    codes = es2plus.read(Reply(200, answer("Failed", subjectCode="9" * 50, reasonCode=7))).codes

    assert codes == ("", "")


def test_what_is_kept_of_an_answer_suits_every_database() -> None:
    assert "\0" not in es2plus.read(Reply(500, b"a\0b")).detail


def test_an_iccid_is_padded_only_for_who_wants_it() -> None:
    plain, pads = SmdpProvider(pads_iccid=False), SmdpProvider(pads_iccid=True)

    assert es2plus.padded("8949449999999990023", plain) == "8949449999999990023"
    assert es2plus.padded("8949449999999990023", pads) == "8949449999999990023F"
    assert es2plus.padded("89882110000000000010", pads) == "89882110000000000010"


def test_a_peer_that_is_not_there_was_never_asked(settings: object) -> None:
    settings.SMDP_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]  # pytest-django's own

    read = es2plus.call("downloadOrder", {}, provider=SmdpProvider(), call_identifier=uuid.uuid4())

    assert read.outcome == Outcome.NOT_SENT


def test_an_answer_that_was_lost_leaves_the_outcome_unknown(smdp: str) -> None:
    break_it(smdp, "downloadOrder", "drop_after")

    read = es2plus.call(
        "downloadOrder",
        {"iccid": "8949449999999990023"},
        provider=SmdpProvider(requester_identifier="2.999.10"),
        call_identifier=uuid.uuid4(),
    )

    assert read.outcome == Outcome.NO_ANSWER
