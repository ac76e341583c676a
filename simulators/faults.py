"""Scripted faults: what can go wrong on the way to or from a provider, a given number of times.

Whether the work was done is part of each fault's promise, because the caller cannot see it:

    drop_before  the work is not done, the connection is closed without an answer
    http_500     the work is not done, the answer is 500
    html         the work is not done, the answer is 200 with a page of HTML
    drop_after   the work is done, the connection is closed without an answer
    malformed    the work is done, the answer is JSON cut in half
    delay        the work is done, the answer comes `seconds` later
    wrong_iccid  the work is done, the answer names something else than what was asked
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from simulators.http import (
    Answer,
    ConnectionDropped,
    HttpRefusal,
    Request,
    Route,
    json_answer,
    route,
)

ANY_FUNCTION = "*"
MOST_TIMES = 10_000
LONGEST_DELAY = 600
HTML_PAGE = b"<!DOCTYPE html><html><title>Maintenance</title><p>Please try again later.</p></html>"


class FaultKind(StrEnum):
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HTTP_500 = "http_500"
    HTML = "html"
    MALFORMED = "malformed"
    WRONG_ICCID = "wrong_iccid"
    DELAY = "delay"


@dataclass(frozen=True)
class Fault:
    function: str
    fault: FaultKind
    times: int = 1
    seconds: float = 1.0

    @property
    def prevents_work(self) -> bool:
        return self.fault in {FaultKind.DROP_BEFORE, FaultKind.HTTP_500, FaultKind.HTML}

    def answer_instead(self) -> Answer:
        """Answer for work that is not done; raises `ConnectionDropped` for no answer at all."""
        if self.fault == FaultKind.HTML:
            return Answer(HTTPStatus.OK, HTML_PAGE, "text/html; charset=UTF-8")
        if self.fault == FaultKind.HTTP_500:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, HTML_PAGE, "text/html; charset=UTF-8")
        raise ConnectionDropped

    def spoil(self, answer: Answer) -> Answer:
        """Spoil the answer to work that is done; raises `ConnectionDropped` for no answer."""
        if self.fault == FaultKind.DROP_AFTER:
            raise ConnectionDropped
        if self.fault == FaultKind.MALFORMED:
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        if self.fault == FaultKind.DELAY:
            time.sleep(self.seconds)
        return answer


class Faults:
    """The faults still to come, first come first served; forgotten when the process ends."""

    def __init__(self, functions: Iterable[str], kinds: Iterable[FaultKind]) -> None:
        self._functions = frozenset(functions) | {ANY_FUNCTION}
        self._kinds = frozenset(kinds)
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, function: str) -> Fault | None:
        """Use up one time of the first fault that is meant for this function."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.function in {function, ANY_FUNCTION}:
                    self._waiting[place] = replace(fault, times=fault.times - 1)
                    self._waiting = [waiting for waiting in self._waiting if waiting.times]
                    return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def routes(self) -> list[Route]:
        return [
            route("GET", "/faults", self._answer_waiting),
            route("POST", "/faults", self._answer_add),
            route("DELETE", "/faults", self._answer_clear),
        ]

    def _answer_waiting(self, request: Request) -> Answer:
        return json_answer({"faults": self.waiting()})

    def _answer_add(self, request: Request) -> Answer:
        self.add(self._read(request.json()))
        return json_answer({"faults": self.waiting()}, HTTPStatus.CREATED)

    def _answer_clear(self, request: Request) -> Answer:
        self.clear()
        return json_answer({"faults": []})

    def _read(self, body: dict[str, Any]) -> Fault:
        if body.get("function") not in self._functions:
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_function")
        if body.get("fault") not in self._kinds:
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_fault")
        times, seconds = body.get("times", 1), body.get("seconds", 1)
        if not (_is_number(times, int) and 1 <= times <= MOST_TIMES):
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_times")
        if not (_is_number(seconds, (int, float)) and 0 <= seconds <= LONGEST_DELAY):
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_seconds")
        return Fault(body["function"], FaultKind(body["fault"]), times, float(seconds))


def run_with_faults(
    faults: Faults,
    function: str,
    *,
    work: Callable[[], Answer],
    skipped: Callable[[Fault], None] = lambda _fault: None,
    spoil: Callable[[Fault, Answer], Answer] = Fault.spoil,
) -> Answer:
    """Do the work unless a fault prevents it, and spoil the answer if a fault says so."""
    fault = faults.take(function)
    if fault is None:
        return work()
    if fault.prevents_work:
        skipped(fault)
        return fault.answer_instead()
    return spoil(fault, work())


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    # JSON's true is an int to Python.
    return isinstance(value, kind) and not isinstance(value, bool)
