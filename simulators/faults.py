"""Scripted faults: the queue of pending faults, its HTTP routes, and how a fault changes a call."""

import random
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from simulators.fault_kinds import CODE, KINDS, Fault, Kinds, PreventsWork
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route

ANY_FUNCTION = "*"


class Faults:
    """The pending faults, in the order in which they were scripted. They live in memory only.

    `functions` lists the kinds of fault that each function knows. With a seed, faults that have a
    probability strike the same calls each time the same calls come in the same order.
    """

    def __init__(self, functions: Mapping[str, Iterable[str]], seed: int | None = None) -> None:
        self._functions = {name: frozenset(kinds) for name, kinds in functions.items()}
        self._functions[ANY_FUNCTION] = frozenset().union(*self._functions.values())
        self._random = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, function: str) -> Fault | None:
        """Return the first fault that strikes this call, or None, and use up one of its times."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if self._is_for(function, fault) and self._random.random() < fault.probability:
                    self._waiting[place] = replace(fault, times=fault.times - 1)
                    self._waiting = [waiting for waiting in self._waiting if waiting.times]
                    return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [_shown(fault) for fault in self._waiting]

    def routes(self) -> list[Route]:
        return [
            route("GET", "/faults", self._answer_waiting),
            route("POST", "/faults", self._answer_add),
            route("DELETE", "/faults", self._answer_clear),
        ]

    def _is_for(self, function: str, fault: Fault) -> bool:
        return (
            fault.function in {function, ANY_FUNCTION} and fault.fault in self._functions[function]
        )

    def _answer_waiting(self, request: Request) -> Answer:
        return json_answer({"faults": self.waiting()})

    def _answer_add(self, request: Request) -> Answer:
        self.add(self._parse_fault(request.json()))
        return json_answer({"faults": self.waiting()}, HTTPStatus.CREATED)

    def _answer_clear(self, request: Request) -> Answer:
        self.clear()
        return json_answer({"faults": []})

    def _parse_fault(self, body: dict[str, Any]) -> Fault:
        function, kind, given = body.pop("function", None), body.pop("fault", None), {}
        if not isinstance(function, str) or function not in self._functions:
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_function")
        if not isinstance(kind, str) or kind not in self._functions[function]:
            raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_fault")
        for name, value in body.items():
            if name not in OPTIONS:
                raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_option")
            field, is_valid = OPTIONS[name]
            if not is_valid(value):
                raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"invalid_{name}")
            given[field] = value
        return Fault(function, kind, **given)


def run_with_faults(
    faults: Faults,
    function: str,
    kinds: Kinds = KINDS,
    *,
    work: Callable[[], Answer],
    skipped: Callable[[Fault], None] = lambda _fault: None,
) -> Answer:
    """Do the work unless a fault prevents it, and change the answer if a fault says so.

    `skipped` is called with the fault instead of `work` where the fault prevents the work.
    """
    fault = faults.take(function)
    if fault is None:
        return work()
    kind = kinds[fault.fault]
    if isinstance(kind, PreventsWork):
        skipped(fault)
        return kind.answer(fault)
    return kind.spoil(fault, work())


def _number(least: float, most: float, *kinds: type) -> Callable[[object], bool]:
    # In Python, true and false from JSON are ints too.
    return lambda value: (
        isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most  # type: ignore[operator]  # the kinds are numbers
    )


def _text(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


_retry_after_seconds, _retry_after_date = _number(0, 10**9, int), _text(re.compile("[ -~]{0,64}"))
OPTIONS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "times": ("times", _number(1, 1_000_000, int)),
    "seconds": ("seconds", _number(0, 600, int, float)),
    "probability": ("probability", _number(0, 1, int, float)),
    "status": ("status", _number(400, 599, int)),
    "retryAfter": (
        "retry_after",
        lambda value: _retry_after_seconds(value) or _retry_after_date(value),
    ),
    "code": ("code", _text(CODE)),
    "message": ("message", _text(re.compile(".{0,200}"))),
    "copies": ("copies", _number(2, 100, int)),
}


def _shown(fault: Fault) -> dict[str, Any]:
    fields = asdict(fault)
    options = {name: fields[field] for name, (field, _is_valid) in OPTIONS.items()}
    return {"function": fault.function, "fault": fault.fault, **options}
