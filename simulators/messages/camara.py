"""The common form of CAMARA's APIs: strict request bodies, errors with a code, a correlator."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, HttpRefusal, Request, json_answer

PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{0,256}")
LONGEST_MESSAGE, LONGEST_ID, LONGEST_CODE, LONGEST_AGE = 160, 36, 10, 2400
TEXTS = {
    "INVALID_ARGUMENT": "The request is not as the API describes it.",
    "UNAUTHENTICATED": "The access token is missing or not valid.",
    "NOT_FOUND": "Nothing is known under this number or identifier.",
    "MAX_OTP_CODES_EXCEEDED": "This number has been sent too many codes. Wait a while.",
    "PHONE_NUMBER_NOT_ALLOWED": "This number can't receive codes.",
    "PHONE_NUMBER_BLOCKED": "This number has blocked SMS.",
    "VERIFICATION_EXPIRED": "The code can no longer be used.",
    "VERIFICATION_FAILED": "A wrong code was sent too often.",
    "INVALID_OTP": "This is not the code that was sent.",
}


class CamaraRefusal(Exception):
    """A request that is answered with an error in CAMARA's form."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Field:
    """A field of a request's body. A field with a default may be missing."""

    is_valid: Callable[[Any], bool]
    default: object = None


def check_caller(request: Request, token: str) -> None:
    """Raise `CamaraRefusal` if the simulator was given a token and the request does not have it."""
    if token and request.headers.get("authorization") != f"Bearer {token}":
        raise CamaraRefusal(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED")


def parse_body(request: Request, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the body's fields. A body with an unknown, missing or wrong field is refused."""
    try:
        body = request.json()
    except HttpRefusal as error:
        raise CamaraRefusal(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT") from error
    given = {name: body.get(name, field.default) for name, field in fields.items()}
    is_valid = all(field.is_valid(given[name]) for name, field in fields.items())
    if not is_valid or body.keys() - fields.keys():
        raise CamaraRefusal(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT")
    return given


def refusal_answer(refusal: CamaraRefusal, prefix: str = "") -> Answer:
    """Return the error's answer. `prefix` is the API's own prefix for its own codes."""
    body = {
        "status": refusal.status,
        "code": f"{prefix}{refusal.code}",
        "message": TEXTS[refusal.code],
    }
    return json_answer(body, refusal.status)


def with_correlator(answer: Answer, request: Request) -> Answer:
    """Return the answer with the request's correlator, if the request has one."""
    correlator = request.headers.get("x-correlator", "")
    if not correlator or not CORRELATOR.fullmatch(correlator):
        return answer
    return replace(answer, headers=(*answer.headers, ("x-correlator", correlator)))


def _text(longest: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def _is_phone_number(value: Any) -> bool:
    return isinstance(value, str) and bool(PHONE_NUMBER.fullmatch(value))


def _is_message(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_MESSAGE and "{{code}}" in value


def _is_age(value: Any) -> bool:
    return type(value) is int and 1 <= value <= LONGEST_AGE


def _is_date(value: Any) -> bool:
    try:
        return bool(date.fromisoformat(value).isoformat() == value)
    except (TypeError, ValueError):
        return False


NUMBER = Field(_is_phone_number)
MESSAGE = Field(_is_message)
AUTHENTICATION_ID = Field(_text(LONGEST_ID))
CODE = Field(_text(LONGEST_CODE))
AGE = Field(_is_age, default=240)
DATE = Field(_is_date)
