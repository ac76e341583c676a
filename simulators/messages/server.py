"""The gateway over HTTP, and the routes that only tests and the simulator's page use."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, HttpRefusal, Request, Route, json_answer, route
from simulators.messages.books import TEXTS, Books
from simulators.messages.numbers import Numbers
from simulators.messages.operator_api import OperatorApi

FUNCTIONS = ("send",)


@dataclass(frozen=True)
class MessageServer:
    books: Books
    numbers: Numbers
    api: OperatorApi
    faults: Faults
    delay: float = 0.0
    # No message reaches an address that begins with one of these.
    dead_prefixes: tuple[str, ...] = ()

    def routes(self) -> list[Route]:
        return [
            route("POST", "/messages", self._send),
            *self.api.routes(),
            route("GET", "/books", self._show),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _send(self, request: Request) -> Answer:
        message = _parse_message(request.json())

        def work() -> Answer:
            if message["to"].startswith(self.dead_prefixes):
                return json_answer({"error": "unreachable"}, HTTPStatus.UNPROCESSABLE_ENTITY)
            with self.books.transaction():
                self.books.deliver(message)
            return json_answer({"id": message["id"]}, HTTPStatus.ACCEPTED)

        time.sleep(self.delay)
        return run_with_faults(self.faults, "send", work=work)

    def _show(self, _request: Request) -> Answer:
        return json_answer({**self.books.shown(), "lookups": self.numbers.lookups()})

    def _reset(self, _request: Request) -> Answer:
        self.books.empty()
        self.numbers.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def _parse_message(body: dict[str, Any]) -> dict[str, str]:
    message = {name: body.get(name, "") for name in TEXTS}
    is_text = all(isinstance(value, str) for value in message.values())
    if not is_text or not all(message[name] for name in ("id", "to", "text")):
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "invalid_message")
    return message
