"""The kinds of faults between a caller and a provider.

Each kind says whether the provider did the work, because the caller cannot see it.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from simulators.http import Answer, ConnectionDropped

HTML_PAGE = b"<!DOCTYPE html><html><title>Maintenance</title><p>Please try again later.</p></html>"
HTML = "text/html; charset=UTF-8"
# A subject code and a reason code, such as 8.2.1/3.3, or an empty string.
CODE = re.compile(r"[0-9]+(\.[0-9]+)*/[0-9]+(\.[0-9]+)*|")


@dataclass(frozen=True)
class Fault:
    """One fault as it was scripted. A kind of fault ignores the fields that it does not use."""

    function: str
    fault: str
    times: int = 1
    seconds: float = 1.0
    probability: float = 1.0
    status: int = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after: int | str = ""
    code: str = ""
    message: str = ""
    copies: int = 2


@dataclass(frozen=True)
class PreventsWork:
    """A kind of fault that prevents the work, and the answer that is sent instead."""

    effect: str
    answer: Callable[[Fault], Answer]
    work: str = "not done"


@dataclass(frozen=True)
class SpoilsAnswer:
    """A kind of fault that changes the answer after the work is done."""

    effect: str
    spoil: Callable[[Fault, Answer], Answer]
    work: str = "done"


Kinds = Mapping[str, PreventsWork | SpoilsAnswer]


def _drop(fault: Fault, answer: Answer | None = None) -> Answer:
    raise ConnectionDropped


def _http_error(fault: Fault, answer: Answer | None = None) -> Answer:
    retry_after = (("Retry-After", str(fault.retry_after)),) if fault.retry_after != "" else ()
    return Answer(fault.status, HTML_PAGE, HTML, retry_after)


def _cut_in_half(fault: Fault, answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _delay(fault: Fault, answer: Answer) -> Answer:
    time.sleep(fault.seconds)
    return answer


KINDS: Kinds = {
    "drop_before": PreventsWork("the connection is closed without an answer", _drop),
    "http_500": PreventsWork(
        "the answer is 500",
        lambda _fault: Answer(HTTPStatus.INTERNAL_SERVER_ERROR, HTML_PAGE, HTML),
    ),
    "html": PreventsWork(
        "the answer is 200 with a page of HTML",
        lambda _fault: Answer(HTTPStatus.OK, HTML_PAGE, HTML),
    ),
    "http": PreventsWork("the answer is `status`, with `retryAfter` if given", _http_error),
    "drop_after": SpoilsAnswer("the connection is closed without an answer", _drop),
    "malformed": SpoilsAnswer("the answer is JSON cut in half", _cut_in_half),
    "delay": SpoilsAnswer("the answer is sent `seconds` later", _delay),
    "slow_drip": SpoilsAnswer(
        "the body is sent byte by byte over `seconds`",
        lambda fault, answer: replace(answer, drip=fault.seconds),
    ),
    "http_after": SpoilsAnswer("the answer is `status`, as with http", _http_error),
    "wrong_content_type": SpoilsAnswer(
        "the answer is correct but has Content-Type text/plain",
        lambda _fault, answer: replace(answer, content_type="text/plain"),
    ),
}


def describe(kinds: Kinds) -> str:
    """Return one line for each kind of fault, for the help of a command line."""
    return "\n".join(
        f"  {name:<18}  the work is {kind.work}: {kind.effect}" for name, kind in kinds.items()
    )
