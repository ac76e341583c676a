"""The routes of disputes and fraud warnings, and the desk where somebody plays the bank."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from simulators.http import Answer, Request, Route, html_answer, json_answer, route, see_other
from simulators.keys import Refused, Reply
from simulators.payment import desk, disputes
from simulators.payment.books import Books

# Runs a request that has an Idempotency-Key.
AnswerOnce = Callable[[str, Request, Callable[[], Reply]], Answer]
# Posts the events about a payment, given by its id.
Notify = Callable[[str, str], None]


@dataclass(frozen=True)
class DisputeRoutes:
    books: Books
    answer_once: AnswerOnce
    notify: Notify

    def routes(self) -> list[Route]:
        return [
            route("GET", "/disputes/([^/]+)", self._dispute),
            route("POST", "/disputes/([^/]+)/answer", self._answer),
            route("POST", "/disputes/([^/]+)/accept", self._accept),
            route("GET", "/fraud_warnings/([^/]+)", self._warning),
            route("POST", "/payments/([^/]+)/dispute", self._open),
            route("POST", "/payments/([^/]+)/fraud_warning", self._warn),
            route("POST", "/disputes/([^/]+)/end", self._end),
            route("GET", "/desk", self._desk),
            route("POST", "/desk", self._act),
        ]

    def _dispute(self, _request: Request, identifier: str) -> Answer:
        return _reply(lambda: disputes.describe_dispute(self.books, identifier))

    def _warning(self, _request: Request, identifier: str) -> Answer:
        return _reply(lambda: disputes.describe_warning(self.books, identifier))

    def _answer(self, request: Request, identifier: str) -> Answer:
        body = request.json()
        return self.answer_once(
            "answer", request, lambda: disputes.answer_dispute(self.books, identifier, body)
        )

    def _accept(self, request: Request, identifier: str) -> Answer:
        return self.answer_once(
            "accept", request, lambda: disputes.accept_dispute(self.books, identifier)
        )

    def _open(self, request: Request, payment: str) -> Answer:
        body = request.json()
        return self._change(lambda: disputes.open_dispute(self.books, payment, body))

    def _warn(self, _request: Request, payment: str) -> Answer:
        return self._change(lambda: disputes.open_warning(self.books, payment))

    def _end(self, request: Request, identifier: str) -> Answer:
        body = request.json()
        return self._change(lambda: disputes.end_dispute(self.books, identifier, body))

    def _desk(self, _request: Request) -> Answer:
        books = self.books.shown()
        shown = desk.page(books["payments"], books["disputes"])
        return html_answer(shown)

    def _act(self, request: Request) -> Answer:
        """Do what a button of the desk says, and show the desk again."""
        typed = request.typed()
        subject, what = typed.get("subject", ""), typed.get("do", "")
        answer = self._change(lambda: desk.act(self.books, subject, what))
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return answer
        return see_other("/desk")

    def _change(self, work: Callable[[], Reply]) -> Answer:
        """Change the books without a key, and post the events about the payment."""
        changed: list[str] = []

        def run() -> Reply:
            with self.books.transaction():
                status, body = work()
            changed.append(body["payment"])
            return status, body

        answer = _reply(run)
        for payment in changed:
            self.notify("dispute", payment)
        return answer


def _reply(work: Callable[[], Reply]) -> Answer:
    try:
        status, body = work()
    except Refused as refused:
        return json_answer(refused.body, refused.status)
    return json_answer(body, status)
