"""The payment provider over HTTP, and what tests look into."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from simulators.faults import FaultKind, Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.notify import Notice, send_in_background
from simulators.payment import gateway
from simulators.payment.books import Books
from simulators.payment.gateway import Refused, Reply
from simulators.payment.states import ACTIONS

FUNCTIONS = ("tokens", "authorise", *ACTIONS)
FAULTS = frozenset(FaultKind) - {FaultKind.WRONG_ICCID}


@dataclass(frozen=True)
class PaymentServer:
    books: Books
    listener: str = ""
    delay: float = 0.0
    faults: Faults = field(default_factory=lambda: Faults(FUNCTIONS, FAULTS))

    def routes(self) -> list[Route]:
        return [
            route("POST", "/tokens", self._tokens),
            route("POST", "/payments", self._authorise),
            route("GET", "/payments", self._payments_under),
            route("GET", "/payments/([^/]+)", self._payment),
            route("POST", "/payments/([^/]+)/(capture|void|refund)", self._act),
            route("GET", "/books", lambda _request: json_answer(self.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _tokens(self, request: Request) -> Answer:
        body = request.json()
        return self._once("tokens", request, lambda: gateway.make_token(self.books, body))

    def _authorise(self, request: Request) -> Answer:
        body, key = request.json(), _key(request)
        return self._once(
            "authorise", request, lambda: gateway.authorise(self.books, body, key=key)
        )

    def _act(self, request: Request, identifier: str, action: str) -> Answer:
        return self._once(action, request, lambda: gateway.act(self.books, identifier, action))

    def _once(self, function: str, request: Request, work: Callable[[], Reply]) -> Answer:
        time.sleep(self.delay)
        asked = gateway.question(request.path, request.json())

        def do() -> Answer:
            try:
                status, body = gateway.once(self.books, _key(request), asked, work)
            except Refused as refused:
                return json_answer(refused.body, refused.status)
            self._tell(function, body.get("id"))
            return json_answer(body, status)

        return run_with_faults(self.faults, function, work=do)

    def _tell(self, function: str, identifier: str | None) -> None:
        """Send the listener the payment as it is now; a repeat is told again, as in the field."""
        if not self.listener or identifier is None:
            return
        body = json.dumps({"event": function, "payment": self.books.payment(identifier)}).encode()
        headers = {"Content-Type": "application/json"}
        send_in_background([Notice(self.listener, body, headers)])

    def _payment(self, request: Request, identifier: str) -> Answer:
        payment = self.books.payment(identifier)
        if payment is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        return json_answer(payment)

    def _payments_under(self, request: Request) -> Answer:
        if "key" not in request.query:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "key_required")
        return json_answer({"payments": self.books.payments_under(request.query["key"])})

    def _reset(self, request: Request) -> Answer:
        self.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def _key(request: Request) -> str:
    return request.headers.get("idempotency-key", "")
