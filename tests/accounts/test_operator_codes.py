"""Codes that the operator's service makes and sends: at most two SMS a request, over HTTP."""

import re

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import codes, numbers, operator_codes
from accounts.models import CodeRequest, CodeServiceCall, User
from accounts.states import CodeState, Purpose, Refusal, TypedVerdict
from messages.models import Message
from outbox.domain import LeaseLost, RetryAfter
from tests.accounts.codes import a_request
from tests.accounts.service import (
    NUMBER,
    Asked,
    code_on,
    outcomes,
    process,
    texts,
    type_and_process,
)
from tests.providers import break_it

LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]
# The service sends the SMS although its answer is lost.
SENT_ANYWAY = {"drop_after", "malformed"}


@pytest.fixture(autouse=True)
def service(operator_api: str, settings: Settings) -> str:
    """Let the operator make the codes. Numbers are not checked here."""
    settings.NUMBER_CHECKS = ""
    return operator_api


@pytest.fixture
def asked(alice: User) -> Asked:
    """Return a browser that asked for a code to prove a number, and the request's row."""
    request = a_request()
    return request, codes.request_code(request, Purpose.PROVE, NUMBER, account=alice)


def test_the_service_sends_the_code_with_our_words_and_the_portal_never_has_it(
    asked: Asked, service: str
) -> None:
    _request, row = asked

    assert process(row) is None

    assert row.state == CodeState.SENT
    [text] = texts(service)
    assert re.fullmatch(
        r".+: Your code is \d{6}\. It is valid for 10 minutes\. Never share it with anybody\.", text
    )
    assert not Message.objects.exists()
    stored = str([*CodeRequest.objects.values(), *CodeServiceCall.objects.values()])
    assert code_on(service) not in stored
    assert str(row.service_calls.get()) == "Send a code: Answered"


def test_words_that_are_too_long_shrink_to_name_and_code(
    asked: Asked, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_codes, "LONGEST_MESSAGE", 60)

    process(asked[1])

    assert re.fullmatch(r".{1,50}: \d{6}", texts(service)[0])


@pytest.mark.parametrize("fault", LOST)
def test_after_a_lost_answer_one_more_sms_is_sent_and_its_code_is_right(
    asked: Asked, service: str, fault: str
) -> None:
    request, row = asked
    break_it(service, "send-code", fault)

    assert isinstance(process(row), RetryAfter)
    assert process(row) is None

    assert row.state == CodeState.SENT
    assert len(texts(service)) == 1 + (fault in SENT_ANYWAY)
    assert type_and_process(request, code_on(service)) == TypedVerdict.RIGHT


def test_after_two_lost_answers_no_third_sms_is_sent(asked: Asked, service: str) -> None:
    _request, row = asked
    break_it(service, "send-code", "drop_after", times=9)

    while process(row):
        pass

    assert len(texts(service)) == 2
    assert (row.state, row.refusal) == (CodeState.REFUSED, Refusal.UNDELIVERED)
    assert outcomes(row) == ["unknown", "unknown"]


def test_workers_that_died_in_the_call_count_as_lost_answers(asked: Asked, service: str) -> None:
    _request, row = asked
    operator_codes.begin(row)
    for _ in range(operator_codes.MOST_SENDINGS):
        row.service_calls.create(operation="send")

    process(row)

    assert (row.state, row.refusal) == (CodeState.REFUSED, Refusal.UNDELIVERED)
    assert texts(service) == []


def test_a_worker_that_takes_over_finds_the_answer_and_sends_nothing(
    asked: Asked, service: str
) -> None:
    _request, row = asked
    process(row)
    # The first worker died before it stored the state.
    CodeRequest.objects.update(state=CodeState.SENDING)

    process(row)

    assert row.state == CodeState.SENT
    assert len(texts(service)) == 1


def test_a_worker_without_its_lease_sends_nothing(
    asked: Asked, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_lease: object) -> None:
        raise LeaseLost

    monkeypatch.setattr("outbox.domain.Lease.cover_call", lose)

    with pytest.raises(LeaseLost):
        process(asked[1])
    assert texts(service) == []
    assert outcomes(asked[1]) == ["not_sent"]


def test_calls_that_never_arrived_are_repeated_for_a_minute(
    asked: Asked, service: str, settings: Settings
) -> None:
    _request, row = asked
    settings.ONE_TIME_PASSWORD_URL = "http://127.0.0.1:9"
    for _ in range(4):
        assert isinstance(process(row), RetryAfter)

    with time_machine.travel(now() + operator_codes.RETRY_FOR):
        assert process(row) is None

    assert (row.state, row.refusal) == (CodeState.REFUSED, Refusal.UNDELIVERED)
    assert set(outcomes(row)) == {"not_sent"}


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        ("+12025550193", Refusal.BLOCKED),
        ("+12025550194", Refusal.NOT_ALLOWED),
        ("+12025550195", Refusal.NOT_ALLOWED),
    ],
)
def test_a_number_that_the_service_refuses_is_refused_with_the_reason(
    alice: User, service: str, number: str, refusal: Refusal
) -> None:
    row = codes.request_code(a_request(), Purpose.PROVE, number, account=alice)

    assert process(row) is None

    assert (row.state, row.refusal) == (CodeState.REFUSED, refusal)
    assert texts(service) == []


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED", Refusal.LIMIT),
        ("INVALID_ARGUMENT", Refusal.UNDELIVERED),
    ],
)
def test_other_refusals_of_the_service_are_final_too(
    asked: Asked, service: str, code: str, refusal: Refusal
) -> None:
    break_it(service, "send-code", "refuse", status=400, message=code)

    assert process(asked[1]) is None

    assert asked[1].refusal == refusal


def test_a_code_of_the_service_counts_against_the_limits_of_sms(
    alice: User, service: str, settings: Settings
) -> None:
    settings.SMS_PER_HOUR = 1
    first, second = (
        codes.request_code(a_request(), Purpose.PROVE, NUMBER, account=alice) for _ in range(2)
    )

    process(first)
    process(second)

    assert (second.state, second.refusal) == (CodeState.REFUSED, Refusal.LIMIT)
    assert len(texts(service)) == 1


@pytest.mark.parametrize("service_path", ["", "accounts.code_services.camara.OneTimePasswordSms"])
def test_a_request_that_is_replaced_while_the_network_is_asked_sends_nothing(
    asked: Asked,
    service: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    service_path: str,
) -> None:
    settings.CODE_SERVICE = service_path

    def replace(*_asked: object) -> bool:
        CodeRequest.objects.update(state=CodeState.LAPSED, ended_at=now())
        return False

    monkeypatch.setattr(numbers, "check_before_code", replace)

    assert process(asked[1]) is None

    assert asked[1].state == CodeState.LAPSED
    assert texts(service) == []
    assert not Message.objects.exists()


def test_staff_see_the_calls_without_any_code(
    asked: Asked, service: str, clara: User, client: Client
) -> None:
    process(asked[1])
    client.force_login(clara)

    page = client.get("/admin/accounts/codeservicecall/").text

    assert NUMBER in page
    assert "Send a code" in page
    assert code_on(service) not in page
