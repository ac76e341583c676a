"""The adapters for CAMARA's APIs, over HTTP: each answer, each error, and unusable answers."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.code_services import code_service
from accounts.code_services.base import (
    CodeRefused,
    CodeService,
    CodeServiceUnavailable,
    ServiceRefusal,
)
from accounts.number_checks import number_checks
from accounts.number_checks.base import (
    CannotTell,
    NumberChecks,
    NumberChecksUnavailable,
    Question,
)
from tests.providers import books, break_it
from tests.serving import Handler, serving

NUMBER = "+12025550142"
SWAPPED, RECYCLED, BLOCKED = "+12025550191", "+12025550192", "+12025550193"
NOT_ALLOWED, FOREIGN = "+12025550194", "+12025550195"
TEXT = "{{code}} is your code."
CHANGED = {(Question.SIM_SWAP, SWAPPED), (Question.RECYCLING, RECYCLED)}
LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]


def checks() -> NumberChecks:
    found = number_checks()
    assert found is not None
    return found


def service() -> CodeService:
    found = code_service()
    assert found is not None
    return found


def ago(**time: float) -> datetime:
    return now() - timedelta(**time)


def code_on(phone: str) -> str:
    """Return the code in the newest message on the customer's phone."""
    found = re.search(r"\d{6}", books(phone)["messages"][0]["text"])
    assert found
    return found[0]


@contextmanager
def answering(settings: Settings, status: int, body: object) -> Iterator[list[Any]]:
    """Serve one answer to every call, and yield what was sent: tokens and bodies."""
    seen: list[Any] = []

    class Scripted(Handler):
        def do_POST(self) -> None:  # noqa: N802 -- the base's name
            text = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"], json.loads(text)))
            answer = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with serving(Scripted) as url:
        settings.SIM_SWAP_URL = settings.NUMBER_RECYCLING_URL = settings.ONE_TIME_PASSWORD_URL = url
        yield seen


# -- Did the number change hands?


@pytest.mark.parametrize("question", Question)
@pytest.mark.parametrize("number", [NUMBER, SWAPPED, RECYCLED])
def test_a_number_that_changed_hands_yesterday_has_changed_since_last_week(
    operator_api: str, question: Question, number: str
) -> None:
    changed = checks().changed_hands_since(question, number, ago(days=7))

    assert changed == ((question, number) in CHANGED)
    assert not checks().changed_hands_since(question, number, now())


@pytest.mark.parametrize(
    ("swapped", "expected"),
    [(300, False), (100, True)],
)
def test_a_time_before_a_hundred_days_is_compared_with_the_latest_swap(
    operator_api: str, swapped: int, *, expected: bool
) -> None:
    fact = {"phoneNumber": NUMBER, "simChangedAt": ago(days=swapped).isoformat()}
    httpx.post(f"{operator_api}/numbers", json=fact, trust_env=False).raise_for_status()

    assert checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=200)) == expected


@pytest.mark.parametrize(("days", "is_known"), [(110, True), (130, False)])
def test_no_swap_is_known_for_as_long_as_the_network_remembers(
    operator_api: str, days: int, *, is_known: bool
) -> None:
    if is_known:
        assert not checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=days))
    else:
        with pytest.raises(CannotTell, match="remembers 120 days"):
            checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=days))


@pytest.mark.parametrize("question", Question)
def test_a_number_of_another_operator_cannot_be_checked(
    operator_api: str, question: Question
) -> None:
    with pytest.raises(CannotTell, match="HTTP 404 NOT_FOUND"):
        checks().changed_hands_since(question, FOREIGN, ago(days=7))


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("question", Question)
def test_a_check_without_a_usable_answer_can_be_repeated(
    operator_api: str, question: Question, fault: str
) -> None:
    break_it(operator_api, "*", fault)

    with pytest.raises(NumberChecksUnavailable):
        checks().changed_hands_since(question, NUMBER, ago(days=7))
    assert not checks().changed_hands_since(question, NUMBER, ago(days=7))


@pytest.mark.parametrize("body", [{}, {"swapped": "false"}, {"swapped": None}, ["swapped"], "no"])
def test_an_answer_without_a_boolean_says_nothing(
    settings: Settings, operator_api: str, body: object
) -> None:
    with answering(settings, 200, body), pytest.raises(NumberChecksUnavailable):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=7))


@pytest.mark.parametrize(
    "latest", [7, "", "yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"]
)
def test_a_date_that_is_no_time_says_nothing(
    settings: Settings, operator_api: str, latest: object
) -> None:
    body = {"latestSimChange": latest}

    with answering(settings, 200, body), pytest.raises(NumberChecksUnavailable):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=200))


@pytest.mark.parametrize("body", [{"latestSimChange": None}, {"latestSimChange": None, "x": 1}])
def test_no_swap_without_a_period_says_nothing(
    settings: Settings, operator_api: str, body: object
) -> None:
    with answering(settings, 200, body), pytest.raises(CannotTell):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=200))


def test_a_success_of_another_kind_says_nothing(settings: Settings, operator_api: str) -> None:
    with answering(settings, 202, {"swapped": False}), pytest.raises(NumberChecksUnavailable):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=7))


def test_a_check_asks_for_full_hours_and_for_the_date(
    settings: Settings, operator_api: str
) -> None:
    settings.OPERATOR_API_TOKEN = "operator's and ours"
    since = ago(minutes=61)

    with answering(settings, 200, {"swapped": True, "phoneNumChanged": True}) as seen:
        for question in Question:
            assert checks().changed_hands_since(question, NUMBER, since)

    date = since.astimezone(UTC).date().isoformat()
    assert [content for _path, _token, content in seen] == [
        {"phoneNumber": NUMBER, "maxAge": 2},
        {"phoneNumber": NUMBER, "specifiedDate": date},
    ]
    assert {token for _path, token, _content in seen} == {"Bearer operator's and ours"}


def test_only_questions_with_an_address_are_asked(settings: Settings, operator_api: str) -> None:
    assert list(checks().questions()) == [Question.SIM_SWAP, Question.RECYCLING]

    settings.SIM_SWAP_URL = ""

    assert list(checks().questions()) == [Question.RECYCLING]


def test_without_the_settings_nobody_is_asked(settings: Settings) -> None:
    assert (number_checks(), code_service()) == (None, None)


def test_a_number_is_never_sent_in_plain(settings: Settings, operator_api: str) -> None:
    settings.SIM_SWAP_URL = "http://network.kestrel.example"

    with pytest.raises(ImproperlyConfigured, match="SIM_SWAP_URL"):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=7))


# -- Codes of the operator.


def test_the_operators_code_reaches_the_phone_and_is_right_once(operator_api: str) -> None:
    identifier = service().send_code(NUMBER, TEXT)
    code = code_on(operator_api)

    service().check_code(identifier, code)

    assert books(operator_api)["messages"][0]["text"] == f"{code} is your code."
    with pytest.raises(CodeRefused) as raised:
        service().check_code(identifier, code)
    assert raised.value.reason == ServiceRefusal.EXPIRED


def test_a_wrong_code_is_refused_until_the_tries_are_used_up(operator_api: str) -> None:
    identifier = service().send_code(NUMBER, TEXT)
    wrong = "0" * 6 if code_on(operator_api) != "0" * 6 else "1" * 6
    reasons = []

    for _ in range(3):
        with pytest.raises(CodeRefused) as raised:
            service().check_code(identifier, wrong)
        reasons.append(raised.value.reason)

    assert reasons == [ServiceRefusal.WRONG, ServiceRefusal.WRONG, ServiceRefusal.FAILED]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (BLOCKED, ServiceRefusal.BLOCKED),
        (NOT_ALLOWED, ServiceRefusal.NOT_ALLOWED),
        (FOREIGN, ServiceRefusal.NOT_ALLOWED),
    ],
)
def test_a_number_that_receives_no_codes_has_its_reason(
    operator_api: str, number: str, reason: ServiceRefusal
) -> None:
    with pytest.raises(CodeRefused) as raised:
        service().send_code(number, TEXT)

    assert raised.value.reason == reason
    assert books(operator_api)["messages"] == []


def test_too_many_codes_have_their_reason(operator_api: str) -> None:
    code = "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED"
    break_it(operator_api, "send-code", "refuse", status=403, message=code)

    with pytest.raises(CodeRefused) as raised:
        service().send_code(NUMBER, TEXT)

    assert raised.value.reason == ServiceRefusal.TOO_MANY


def test_an_unknown_identifier_has_expired(operator_api: str) -> None:
    with pytest.raises(CodeRefused) as raised:
        service().check_code("unknown", "123456")

    assert raised.value.reason == ServiceRefusal.EXPIRED


def test_a_request_that_the_service_does_not_accept_is_refused(operator_api: str) -> None:
    with pytest.raises(CodeRefused, match="HTTP 400 INVALID_ARGUMENT") as raised:
        service().send_code(NUMBER, "no place for the code")

    assert raised.value.reason == ServiceRefusal.MALFORMED


@pytest.mark.parametrize("fault", LOST)
def test_a_sending_without_a_usable_answer_may_have_been_done(
    operator_api: str, fault: str
) -> None:
    break_it(operator_api, "send-code", fault)

    with pytest.raises(CodeServiceUnavailable) as raised:
        service().send_code(NUMBER, TEXT)

    assert raised.value.was_sent
    assert len(books(operator_api)["messages"]) == (fault in {"drop_after", "malformed"})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (403, "SOMETHING_NEW"),
        (429, "TOO_MANY_REQUESTS"),
        (503, "UNAVAILABLE"),
        # A server error decides nothing, whatever its code.
        (500, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED"),
    ],
)
def test_a_refusal_of_the_caller_or_for_the_moment_is_not_final(
    operator_api: str, status: int, code: str
) -> None:
    break_it(operator_api, "*", "refuse", status=status, message=code, times=2)

    with pytest.raises(CodeServiceUnavailable, match=f"HTTP {status}") as raised:
        service().send_code(NUMBER, TEXT)
    assert raised.value.was_sent == (status >= 500)
    with pytest.raises(NumberChecksUnavailable, match=f"HTTP {status}"):
        checks().changed_hands_since(Question.SIM_SWAP, NUMBER, ago(days=7))


@pytest.mark.parametrize(
    ("header", "seconds"), [(7, 7), (86400, 60), ("", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)]
)
def test_the_service_may_ask_to_be_left_alone_for_a_while(
    operator_api: str, header: int | str, seconds: int
) -> None:
    break_it(operator_api, "send-code", "http", status=503, retryAfter=header)

    with pytest.raises(CodeServiceUnavailable) as raised:
        service().send_code(NUMBER, TEXT)

    assert raised.value.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, {"authenticationId": 7}),
        (200, {"authenticationId": "x" * 37}),
        (204, None),
        (200, {"authenticationId": "x\0"}),
    ],
)
def test_a_sending_without_an_identifier_is_of_no_use(
    settings: Settings, operator_api: str, status: int, body: object
) -> None:
    with answering(settings, status, body), pytest.raises(CodeServiceUnavailable):
        service().send_code(NUMBER, TEXT)


@pytest.mark.parametrize(
    ("status", "body"), [(200, {}), (400, {}), (400, {"code": 7}), (404, None)]
)
def test_only_the_answer_of_the_api_says_that_a_code_is_right_or_wrong(
    settings: Settings, operator_api: str, status: int, body: object
) -> None:
    with answering(settings, status, body), pytest.raises(CodeServiceUnavailable):
        service().check_code("one", "123456")


def test_a_service_that_is_away_has_sent_nothing(settings: Settings, operator_api: str) -> None:
    settings.ONE_TIME_PASSWORD_URL = "http://127.0.0.1:9"

    with pytest.raises(CodeServiceUnavailable) as raised:
        service().send_code(NUMBER, TEXT)

    assert not raised.value.was_sent
