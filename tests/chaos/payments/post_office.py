"""Webhooks between gateway and portal: kept back, reordered, repeated and forged on their way."""

import random
import threading
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.db import connection
from django.test import Client

from demo.parts import LOOPBACK
from tests.chaos.payments.outcomes import Letter, Outcomes

# The share of events that stay here for another round, and of those that are delivered again.
KEPT_BACK, REPEATED, FORGED, FOREIGN = 0.5, 0.2, 0.1, 0.05
PAUSE = 0.1


class PostOffice:
    """Takes the gateway's events over HTTP, and hands them to the portal's own view."""

    def __init__(self, gateway: Outcomes, seed: int) -> None:
        self._gateway = gateway
        self._rng = random.Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self._waiting, self._delivered = list[Letter](), list[Letter]()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._client = Client(raise_request_exception=False, SERVER_NAME=LOOPBACK)
        self.counts, self.wrong = Counter[str](), list[str]()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._threads = [
            threading.Thread(target=self._server.serve_forever, daemon=True),
            threading.Thread(target=self._deliver_all, daemon=True),
        ]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def open(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                office.take((body, dict(self.headers.items())))
                self.send_response(HTTPStatus.NO_CONTENT)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def take(self, letter: Letter) -> None:
        with self._lock:
            self._waiting.append(letter)

    def fetch_all(self) -> None:
        """Take the events that were lost on their way. A gateway sends them for days."""
        known = {body for body, _headers in (*self._waiting, *self._delivered)}
        for letter in self._gateway.events():
            if letter[0] not in known:
                self.take(letter)

    def waiting(self) -> int:
        """Return how many events are still to be delivered."""
        return len(self._waiting)

    def _deliver_all(self) -> None:
        try:
            while not self._over.wait(PAUSE):
                self._deliver_some()
        finally:
            connection.close()

    def _deliver_some(self) -> None:
        with self._lock:
            letters, self._waiting = self._waiting, []
        self._rng.shuffle(letters)
        for kept in letters:
            if self._rng.random() < KEPT_BACK:
                self.take(kept)
                continue
            letter = self._gateway.sign_again(kept)
            self._deliver(letter, HTTPStatus.NO_CONTENT, "delivered")
            self._delivered.append(letter)
            if self._rng.random() < REPEATED:
                again = self._gateway.sign_again(self._rng.choice(self._delivered))
                self._deliver(again, HTTPStatus.NO_CONTENT, "delivered again")
            if self._rng.random() < FORGED:
                self._deliver(self._forge(letter), HTTPStatus.BAD_REQUEST, "forged, refused")
            if self._rng.random() < FOREIGN:
                foreign = self._gateway.foreign_event()
                self._deliver(foreign, HTTPStatus.NO_CONTENT, "about somebody else's payment")
                other = self._gateway.event_of_another_account()
                if other is not None:
                    self._deliver(other, HTTPStatus.BAD_REQUEST, "of another account, refused")

    def _forge(self, letter: Letter) -> Letter:
        """Return the letter with another body, or with a signature that nobody made."""
        body, headers = letter
        if self._rng.random() < 0.5:
            return body.replace(b'"status"', b'"Status"', 1) + b" ", headers
        return body, {name: text[:-6] + "000000" for name, text in headers.items()}

    def _deliver(self, letter: Letter, wanted: int, what: str) -> None:
        body, headers = letter
        signed = {name: text for name, text in headers.items() if name.endswith("Signature")}
        answer = self._client.post(
            f"/payments/webhook/{self._gateway.name}",
            data=body,
            content_type="application/json",
            headers=signed,
        )
        self.counts[what] += 1
        if answer.status_code != wanted:
            self.wrong.append(f"an event that is {what} was answered {answer.status_code}")
