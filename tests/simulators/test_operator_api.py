"""The message simulator's CAMARA APIs: the shapes that they accept, and each of their errors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.simulators.process import running

pytestmark = pytest.mark.processes
NUMBER = "+12025550142"
SEND, VALIDATE = "/one-time-password-sms/v1/send-code", "/one-time-password-sms/v1/validate-code"
SWAP, SWAP_DATE = "/sim-swap/v2/check", "/sim-swap/v2/retrieve-date"
RECYCLING = "/number-recycling/v0.2/check"
TEXT = {"phoneNumber": NUMBER, "message": "{{code}} is your code"}


@pytest.fixture
def http(message_simulator: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=message_simulator, trust_env=False) as client:
        client.post("/reset")
        yield client


def send(http: httpx.Client, number: str = NUMBER) -> tuple[str, str]:
    """Have a code sent; return its identifier and the code that reaches the phone."""
    answer = http.post(SEND, json={**TEXT, "phoneNumber": number})
    assert answer.status_code == 200
    return answer.json()["authenticationId"], phone_text(http).split()[0]


def phone_text(http: httpx.Client) -> str:
    text: str = http.get("/books").json()["messages"][0]["text"]
    return text


def validate(http: httpx.Client, identifier: str, code: str) -> httpx.Response:
    return http.post(VALIDATE, json={"authenticationId": identifier, "code": code})


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error, whose body has exactly CAMARA's three fields."""
    body = answer.json()
    assert body.keys() == {"status", "code", "message"}
    assert body["status"] == answer.status_code
    assert len(body["message"]) > 10
    return answer.status_code, body["code"].removeprefix("ONE_TIME_PASSWORD_SMS.")


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def test_a_code_reaches_the_phone_and_is_right_once(http: httpx.Client) -> None:
    identifier, code = send(http)

    answer = validate(http, identifier, code)

    assert (answer.status_code, answer.content) == (204, b"")
    assert len(identifier) <= 36
    assert phone_text(http) == f"{code} is your code"
    assert error(validate(http, identifier, code)) == (400, "VERIFICATION_EXPIRED")


def test_a_wrong_code_is_refused_and_the_third_ends_the_verification(http: httpx.Client) -> None:
    identifier, code = send(http)

    answers = [error(validate(http, identifier, wrong(code))) for _ in range(3)]

    assert [name for _status, name in answers] == [
        "INVALID_OTP",
        "INVALID_OTP",
        "VERIFICATION_FAILED",
    ]
    assert error(validate(http, identifier, code)) == (400, "VERIFICATION_FAILED")


def test_a_newer_code_replaces_the_older_one(http: httpx.Client) -> None:
    older, code = send(http)
    newer, newer_code = send(http)

    assert error(validate(http, older, code)) == (400, "VERIFICATION_EXPIRED")
    assert validate(http, newer, newer_code).status_code == 204


def test_a_code_expires() -> None:
    with running("simulators.messages", "--code-lifetime", "0") as simulator:
        identifier, code = send(simulator.http)

        assert error(validate(simulator.http, identifier, code)) == (400, "VERIFICATION_EXPIRED")


def test_an_unknown_identifier_is_not_found(http: httpx.Client) -> None:
    assert error(validate(http, "unknown", "123456")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("0193", (403, "PHONE_NUMBER_BLOCKED")),
        ("0194", (403, "PHONE_NUMBER_NOT_ALLOWED")),
        ("0195", (404, "NOT_FOUND")),
    ],
)
def test_a_number_that_receives_no_codes_is_refused(
    http: httpx.Client, ending: str, expected: tuple[int, str]
) -> None:
    answer = http.post(SEND, json={**TEXT, "phoneNumber": f"+1202555{ending}"})

    assert error(answer) == expected
    assert http.get("/books").json()["messages"] == []


def test_a_number_is_sent_so_many_codes_in_an_hour(http: httpx.Client) -> None:
    for _ in range(20):
        send(http)

    assert error(http.post(SEND, json=TEXT)) == (403, "MAX_OTP_CODES_EXCEEDED")
    send(http, "+12025550143")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEND, {}),
        (SEND, {**TEXT, "phoneNumber": "3301"}),
        (SEND, {**TEXT, "message": "no place for the code"}),
        (SEND, {**TEXT, "message": "{{code}}" + "x" * 153}),
        (SEND, {**TEXT, "sender": "unknown field"}),
        (VALIDATE, {"authenticationId": "one"}),
        (VALIDATE, {"authenticationId": "one", "code": "longer than ten"}),
        (VALIDATE, {"authenticationId": "x" * 37, "code": "123456"}),
        (SWAP, {"phoneNumber": NUMBER, "maxAge": 2401}),
        (SWAP, {"phoneNumber": NUMBER, "maxAge": True}),
        (SWAP_DATE, {"phoneNumber": NUMBER, "maxAge": 1}),
        (RECYCLING, {"phoneNumber": NUMBER}),
        (RECYCLING, {"phoneNumber": NUMBER, "specifiedDate": "20261031"}),
        (RECYCLING, {"phoneNumber": NUMBER, "specifiedDate": 7}),
    ],
)
def test_a_body_of_another_shape_is_refused(
    http: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    assert error(http.post(path, json=body)) == (400, "INVALID_ARGUMENT")


def test_a_request_without_a_json_body_is_refused(http: httpx.Client) -> None:
    assert error(http.post(SEND, content=b"{")) == (400, "INVALID_ARGUMENT")


def test_the_correlator_comes_back(http: httpx.Client) -> None:
    answers = [
        http.post(SWAP, json=body, headers={"x-correlator": "b4333c46"})
        for body in ({"phoneNumber": NUMBER}, {})
    ]

    assert [answer.headers["x-correlator"] for answer in answers] == ["b4333c46"] * 2
    assert "x-correlator" not in http.post(SWAP, json={"phoneNumber": NUMBER}).headers


def test_a_caller_without_the_token_is_refused() -> None:
    with running("simulators.messages", "--token", "ours") as simulator:
        body = {"phoneNumber": NUMBER}
        good = simulator.http.post(SWAP, json=body, headers={"Authorization": "Bearer ours"})

        assert error(simulator.http.post(SWAP, json=body)) == (401, "UNAUTHENTICATED")
        assert good.json() == {"swapped": False}


@pytest.mark.parametrize(("age", "swapped"), [(12, False), (48, True), (None, True)])
def test_a_swap_is_told_if_it_is_younger_than_asked(
    http: httpx.Client, age: int | None, *, swapped: bool
) -> None:
    body = {"phoneNumber": "+12025550191", **({} if age is None else {"maxAge": age})}

    assert http.post(SWAP, json=body).json() == {"swapped": swapped}


def test_the_date_of_the_latest_swap_is_told(http: httpx.Client) -> None:
    at = days_ago(100)
    http.post("/numbers", json={"phoneNumber": NUMBER, "simChangedAt": at})

    dates = [
        http.post(SWAP_DATE, json={"phoneNumber": number}).json()
        for number in (NUMBER, "+12025550143")
    ]

    assert dates == [{"latestSimChange": at}, {"latestSimChange": None, "monitoredPeriod": 120}]


@pytest.mark.parametrize(("days", "changed"), [(0, False), (1, False), (2, True)])
def test_a_new_subscriber_is_told_if_that_was_after_the_date(
    http: httpx.Client, days: int, *, changed: bool
) -> None:
    since = datetime.now(UTC).date() - timedelta(days=days)
    body = {"phoneNumber": "+12025550192", "specifiedDate": since.isoformat()}

    assert http.post(RECYCLING, json=body).json() == {"phoneNumChanged": changed}


@pytest.mark.parametrize(
    "changes",
    [{"phoneNumber": "1"}, {"sms": "maybe"}, {"simChangedAt": "2026-01-01"}, {"isOurs": 1}],
)
def test_an_unknown_fact_about_a_number_is_refused(
    http: httpx.Client, changes: dict[str, Any]
) -> None:
    body = {"phoneNumber": NUMBER, **changes}

    assert http.post("/numbers", json=body).status_code == 422


def test_a_code_is_sent_although_its_answer_is_lost(http: httpx.Client) -> None:
    http.post("/faults", json={"function": "send-code", "fault": "drop_after"})
    with pytest.raises(httpx.RemoteProtocolError):
        http.post(SEND, json=TEXT)

    assert phone_text(http).endswith("is your code")
    [lookup] = http.get("/books").json()["lookups"]
    assert (lookup["function"], lookup["subject"], lookup["answer"]) == ("send-code", NUMBER, "ok")


def test_an_api_refuses_on_purpose(http: httpx.Client) -> None:
    refusal = {"function": "sim-swap", "fault": "refuse", "status": 429, "message": "TOO_MANY"}
    http.post("/faults", json=refusal)

    assert error(http.post(SWAP, json={"phoneNumber": NUMBER})) == (429, "TOO_MANY")
    assert http.get("/books").json()["lookups"] == []
