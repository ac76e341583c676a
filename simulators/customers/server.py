"""The customer system over HTTP, and the routes that only tests use."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators.customers.books import Books
from simulators.fault_kinds import KINDS, Kinds, SpoilsAnswer
from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route

READING = ("find", "balance", "may-attach")
CHANGING = ("attach", "detach", "cancel", "undo", "change")
FUNCTIONS = (*READING, *CHANGING)
TEXTS = ("number", "billCode", "iccid", "plan", "newPlan")
CUSTOMER_KINDS: Kinds = {
    **KINDS,
    "pending": SpoilsAnswer(
        "the answer is 202: ask again with the same key in `seconds`",
        lambda fault, _answer: json_answer(
            {"retryAfter": max(1, round(fault.seconds))}, HTTPStatus.ACCEPTED
        ),
    ),
}
Line = dict[str, Any]


@dataclass(frozen=True)
class CustomerServer:
    books: Books
    faults: Faults
    delay: float = 0.0

    def routes(self) -> list[Route]:
        return [
            route("POST", "/lines/find", self._find),
            *(
                route("POST", f"/lines/([^/]+)/{name}", self._operation(name))
                for name in FUNCTIONS
                if name != "find"
            ),
            route("PUT", "/books/lines/([^/]+)", self._put),
            route("DELETE", "/books/lines/([^/]+)", self._remove),
            route("GET", "/books", lambda _request: json_answer(self.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _find(self, request: Request) -> Answer:
        asked = _texts(request)

        def find() -> tuple[str, Line]:
            found = self.books.find(number=asked["number"], bill_code=asked["billCode"])
            return found, self._shown(found, bill_code=asked["billCode"])

        return self._answer("find", request, find)

    def _operation(self, name: str) -> Callable[[Request, str], Answer]:
        def view(request: Request, reference: str) -> Answer:
            asked = _texts(request)

            def work() -> tuple[str, Line]:
                known = self.books.find(reference=reference)
                line = self._shown(known)
                if name != "balance":
                    self._carry_out(name, known, asked)
                    line = self._shown(known)
                return known, line

            return self._answer(name, request, work)

        return view

    def _carry_out(self, name: str, reference: str, asked: dict[str, str]) -> None:
        line = self.books.line(reference)
        if name in {"may-attach", "attach"}:
            self._check_attach(line, asked["iccid"])
        if name == "attach":
            line["sims"].append(asked["iccid"])
        elif name == "detach":
            _require(asked["iccid"] in line["sims"], "unknown_sim")
            line["sims"].remove(asked["iccid"])
        elif name in {"cancel", "undo"}:
            _plan(line, asked["plan"])["cancelled"] = name == "cancel"
        elif name == "change":
            _plan(line, asked["plan"])["next"] = asked["newPlan"]
        self.books.put(reference, line)

    def _check_attach(self, line: Line, iccid: str) -> None:
        _require(not line["locked"], "locked")
        _require(bool(iccid) and not self.books.has_sim(iccid), "sim_in_use")

    def _answer(self, name: str, request: Request, work: Callable[[], tuple[str, Line]]) -> Answer:
        """Do the work once for each key, and record the call."""
        key = request.headers.get("idempotency-key", "")
        if not key:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "no_key")

        def answer() -> Answer:
            with self.books.transaction():
                known = self.books.answer_to(key) if name in CHANGING else None
                reference, (status, document) = "", known or (HTTPStatus.OK, {})
                if known is None:
                    try:
                        reference, document = work()
                    except HttpRefusal as refusal:
                        status, document = refusal.status, {"error": refusal.error}
                    if name in CHANGING:
                        self.books.keep_answer(key, status, document)
                self.books.record_call(name, key, reference, status)
            return json_answer(document, status)

        time.sleep(self.delay)
        return run_with_faults(self.faults, name, CUSTOMER_KINDS, work=answer)

    def _shown(self, reference: str, *, bill_code: str = "") -> Line:
        if not reference:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "unknown_line")
        line = self.books.line(reference)
        is_valid = bool(bill_code) and line.pop("billCode") == bill_code
        line.pop("billCode", None)
        return {"reference": reference, **line, "billCodeValid": is_valid}

    def _put(self, request: Request, reference: str) -> Answer:
        """Change a line of the books, or add one: the fields that are given replace its own."""
        known = self.books.find(reference=reference)
        empty = {"billCode": "", "locked": False, "simChangedAt": None, "sims": [], "plans": []}
        line = {**(self.books.line(known) if known else empty), **request.json()}
        if not isinstance(line.get("number"), str):
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "no_number")
        with self.books.transaction():
            self.books.put(reference, line)
        return json_answer(line)

    def _remove(self, _request: Request, reference: str) -> Answer:
        with self.books.transaction():
            self.books.remove(reference)
        return json_answer({"status": "removed"})

    def _reset(self, _request: Request) -> Answer:
        self.books.reset()
        self.faults.clear()
        return json_answer({"status": "reset"})


def _texts(request: Request) -> dict[str, str]:
    given = request.json()
    texts = {name: given.get(name, "") for name in TEXTS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_request")
    return texts


def _plan(line: Line, reference: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in line["plans"] if one["reference"] == reference]
    _require(bool(found), "unknown_plan")
    return found[0]


def _require(condition: bool, error: str) -> None:  # noqa: FBT001 -- reads like `assert`
    if not condition:
        raise HttpRefusal(HTTPStatus.CONFLICT, error)
