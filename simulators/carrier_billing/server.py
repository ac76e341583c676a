"""The billing over HTTP, and the routes that only tests and the simulator's page use."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from simulators.carrier_billing import desk, pages, refunds
from simulators.carrier_billing.books import Books
from simulators.carrier_billing.refusals import BillingRefusal, check_caller, parse_body
from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, Request, Route, json_answer, route
from simulators.messages.camara import with_correlator

FUNCTIONS = ("prepare", "validate", "confirm", "cancel", "refund", "show", "find")
PAYMENTS = "/carrier-billing/v[^/]+/payments"
REFUNDS = "/carrier-billing-refund/v[^/]+/payments/([^/]+)/refunds"
MOST_EXCHANGES = 200
Work = Callable[[], object]


@dataclass(frozen=True)
class BillingServer:
    books: Books
    faults: Faults
    token: str = ""
    delay: float = 0.0
    # The latest requests and answers, which a test can compare with a schema.
    exchanges: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_EXCHANGES))

    def routes(self) -> list[Route]:
        return [
            route("POST", f"{PAYMENTS}/prepare", self._prepare),
            route("POST", f"{PAYMENTS}/([^/]+)/(validate|confirm|cancel)", self._change),
            route("GET", f"{PAYMENTS}/([^/]+)", self._show),
            route("GET", PAYMENTS, self._find),
            route("POST", REFUNDS, self._refund),
            route("GET", f"{REFUNDS}/remaining-amount", self._remaining),
            route("GET", f"{REFUNDS}/([^/]+)", self._show_refund),
            route("GET", REFUNDS, self._find_refunds),
            route("GET", "/validate/([^/]+)", self._open_page),
            route("POST", "/validate/([^/]+)", self._decide),
            route("POST", "/refunds/([^/]+)/(succeed|deny)", self._decide_refunds),
            route("POST", "/payments/([^/]+)/lapse", self._lapse),
            route("POST", "/payments/([^/]+)/decide", self._decide_now),
            route("POST", "/correlators/forget", self._forget),
            route("GET", "/books", self._show_books),
            route("GET", "/exchanges", self._show_exchanges),
            route("GET", "/", lambda _request: pages.overview(self.books)),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *self.faults.routes(),
        ]

    def _prepare(self, request: Request) -> Answer:
        address = f"http://{request.headers.get('host', '')}"
        return self._answer(
            *("prepare", request, HTTPStatus.CREATED),
            lambda: desk.prepare(self.books, parse_body(request), address),
        )

    def _change(self, request: Request, identifier: str, action: str) -> Answer:
        done = {"validate": desk.validate, "confirm": desk.confirm, "cancel": desk.cancel}[action]
        status = HTTPStatus.NO_CONTENT if action == "validate" else HTTPStatus.ACCEPTED
        return self._answer(
            *(action, request, status), lambda: done(self.books, identifier, parse_body(request))
        )

    def _show(self, request: Request, identifier: str) -> Answer:
        return self._answer(
            *("show", request, HTTPStatus.OK),
            lambda: desk.describe(desk.require_payment(self.books, identifier)),
        )

    def _find(self, request: Request) -> Answer:
        return self._answer(
            "find", request, HTTPStatus.OK, lambda: desk.find(self.books, request.query)
        )

    def _refund(self, request: Request, identifier: str) -> Answer:
        return self._answer(
            *("refund", request, HTTPStatus.CREATED),
            lambda: refunds.create(self.books, identifier, parse_body(request)),
        )

    def _remaining(self, request: Request, identifier: str) -> Answer:
        return self._answer(
            *("show", request, HTTPStatus.OK), lambda: refunds.remaining(self.books, identifier)
        )

    def _show_refund(self, request: Request, identifier: str, refund: str) -> Answer:
        return self._answer(
            *("show", request, HTTPStatus.OK), lambda: refunds.show(self.books, identifier, refund)
        )

    def _find_refunds(self, request: Request, identifier: str) -> Answer:
        return self._answer(
            *("find", request, HTTPStatus.OK),
            lambda: refunds.find(self.books, identifier, request.query),
        )

    def _answer(self, function: str, request: Request, status: HTTPStatus, work: Work) -> Answer:
        """Do the work in one transaction, and answer in CAMARA's form."""

        def run() -> Answer:
            answer = self._run(request, status, work)
            self._record(request, answer)
            return answer

        time.sleep(self.delay)
        return run_with_faults(self.faults, function, work=run)

    def _run(self, request: Request, status: HTTPStatus, work: Work) -> Answer:
        try:
            check_caller(request, self.token)
            body = self._in_transaction(work)
        except BillingRefusal as refusal:
            return with_correlator(refusal.answer(), request)
        answer = Answer(status, b"") if body is None else json_answer(body, status)
        return with_correlator(answer, request)

    def _in_transaction(self, work: Work) -> object:
        wrong: desk.WrongCode | None = None
        with self.books.store.transaction():
            try:
                return work()
            except desk.WrongCode as error:
                wrong = error
        raise wrong.refusal

    def _record(self, request: Request, answer: Answer) -> None:
        self.exchanges.append(
            {
                "by": request.headers.get("user-agent", ""),
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "asked": request.body.decode(errors="replace"),
                "status": answer.status,
                "answered": answer.body.decode(),
            }
        )

    def _open_page(self, _request: Request, identifier: str) -> Answer:
        return pages.validation(self.books, identifier)

    def _decide(self, request: Request, identifier: str) -> Answer:
        with self.books.store.transaction():
            desk.decide(self.books, identifier, approves=b"approve" in request.body)
        return pages.validation(self.books, identifier)

    def _decide_refunds(self, _request: Request, identifier: str, how: str) -> Answer:
        with self.books.store.transaction():
            refunds.decide(self.books, identifier, succeeds=how == "succeed")
        return json_answer({"status": how})

    def _lapse(self, _request: Request, identifier: str) -> Answer:
        with self.books.store.transaction():
            row = desk.require_payment(self.books, identifier)
            self.books.change_payment(row, expires_at=0.0, becomes="")
        return json_answer({"status": "lapsed"})

    def _decide_now(self, _request: Request, identifier: str) -> Answer:
        with self.books.store.transaction():
            row = desk.require_payment(self.books, identifier)
            self.books.change_payment(row, becomes_at=0.0)
        return json_answer({"status": "decided"})

    def _forget(self, _request: Request) -> Answer:
        with self.books.store.transaction():
            self.books.forget_correlators()
        return json_answer({"status": "forgotten"})

    def _show_books(self, _request: Request) -> Answer:
        with self.books.store.transaction():
            rows = [desk.require_payment(self.books, row["id"]) for row in self.books.payments()]
            return json_answer({"payments": rows, "refunds": self.books.refunds()})

    def _show_exchanges(self, _request: Request) -> Answer:
        return json_answer({"exchanges": list(self.exchanges)})

    def _reset(self, _request: Request) -> Answer:
        self.books.empty()
        self.faults.clear()
        self.exchanges.clear()
        return json_answer({"status": "empty"})
