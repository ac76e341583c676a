"""The voucher server over HTTP, and the routes that only tests use."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from simulators import ledger
from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.keys import Refused, Reply, answer_once, forget_keys
from simulators.vouchers import desk
from simulators.vouchers.books import Books

FUNCTIONS = ("reserve", *desk.ACTIONS, "return", "entries")


@dataclass(frozen=True)
class VoucherServer:
    books: Books
    faults: Faults
    token: str = ""
    delay: float = 0.0

    def routes(self) -> list[Route]:
        return [
            route("POST", "/reservations", self._reserve),
            route("GET", "/reservations", self._reservations_with_key),
            route("GET", "/reservations/([^/]+)", self._reservation),
            route("POST", "/reservations/([^/]+)/(redeem|cancel)", self._change),
            route("POST", "/reservations/([^/]+)/returns", self._give_back),
            route("GET", "/reservations/([^/]+)/returns", self._returns),
            route("POST", "/reservations/([^/]+)/lapse", self._lapse),
            *ledger.routes(self.books.store, self.faults, check=self._check_token),
            route("POST", "/vouchers", self._issue),
            route("POST", "/keys/forget", self._forget_keys),
            route("GET", "/books", lambda _request: json_answer(self.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _reserve(self, request: Request) -> Answer:
        body, key = request.json(), _key(request)
        return self._answer_once(
            "reserve", request, lambda: desk.reserve(self.books, body, key=key)
        )

    def _change(self, request: Request, identifier: str, action: str) -> Answer:
        return self._answer_once(
            action, request, lambda: desk.change(self.books, identifier, action)
        )

    def _give_back(self, request: Request, identifier: str) -> Answer:
        body, key = request.json(), _key(request)
        return self._answer_once(
            "return", request, lambda: desk.give_back(self.books, identifier, body, key=key)
        )

    def _answer_once(self, function: str, request: Request, work: Callable[[], Reply]) -> Answer:
        self._check_token(request)
        time.sleep(self.delay)
        asked = desk.request_digest(request.path, request.json())

        def run() -> Answer:
            try:
                status, body = answer_once(self.books.store, _key(request), asked, work)
            except Refused as refused:
                return json_answer(refused.body, refused.status)
            return json_answer(body, status)

        return run_with_faults(self.faults, function, work=run)

    def _reservation(self, request: Request, identifier: str) -> Answer:
        self._check_token(request)
        found = self.books.reservation(identifier)
        if found is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "unknown_reservation")
        return json_answer(desk.describe(found))

    def _reservations_with_key(self, request: Request) -> Answer:
        self._check_token(request)
        key = request.query.get("key")
        found = [desk.describe(one) for one in self.books.reservations() if one["key"] == key]
        return json_answer({"reservations": found})

    def _returns(self, request: Request, identifier: str) -> Answer:
        self._check_token(request)
        key = request.query.get("key")
        found = [one for one in self.books.returns(identifier) if one["key"] == key]
        return json_answer({"returns": found})

    def _check_token(self, request: Request) -> None:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise HttpRefusal(HTTPStatus.UNAUTHORIZED, "unauthorised")

    def _issue(self, request: Request) -> Answer:
        try:
            status, body = desk.issue(self.books, request.json())
        except Refused as refused:
            return json_answer(refused.body, refused.status)
        return json_answer(body, status)

    def _lapse(self, _request: Request, identifier: str) -> Answer:
        self.books.lapse(identifier)
        return json_answer({"status": "lapsed"})

    def _forget_keys(self, _request: Request) -> Answer:
        forget_keys(self.books.store)
        return json_answer({"status": "forgotten"})

    def _reset(self, _request: Request) -> Answer:
        self.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def _key(request: Request) -> str:
    return request.headers.get("idempotency-key", "")
