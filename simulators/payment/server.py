"""The payment provider over HTTP, and the routes that only tests use."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators import ledger
from simulators.faults import Faults, run_with_faults
from simulators.http import (
    Answer,
    HttpRefusal,
    Request,
    Route,
    html_answer,
    json_answer,
    route,
    see_other,
)
from simulators.keys import Refused, Reply, answer_once, forget_keys
from simulators.notify import Notice, send_in_background
from simulators.payment import cards, challenge, disputes, gateway, pages
from simulators.payment.books import Books
from simulators.payment.dispute_routes import DisputeRoutes
from simulators.payment.states import ACTIONS, PageStatus

SIGNATURE_HEADER = "Webhook-Signature"
FUNCTIONS = (
    *("tokens", "authorise", *ACTIONS, "forget", "open_page", "fetch_page"),
    *("answer", "accept", "entries"),
)


@dataclass(frozen=True)
class PaymentServer:
    books: Books
    faults: Faults
    listener: str = ""
    secret: str = ""
    delay: float = 0.0
    # The address of the bank's pages. If empty, they are at this provider's own address.
    bank: str = ""

    def routes(self) -> list[Route]:
        return [
            route("POST", "/tokens", self._tokens),
            route("POST", "/tokens/forget", self._forget),
            route("POST", "/pages", self._open_page),
            route("GET", "/pages/([^/]+)", self._fetch_page),
            route("GET", "/card/([^/]+)", self._card_page),
            route("POST", "/card/([^/]+)", self._submit_card),
            route("POST", "/payments", self._authorise),
            route("GET", "/payments", self._payments_with_key),
            route("GET", "/payments/([^/]+)", self._payment),
            route("POST", "/payments/([^/]+)/(capture|void)", self._change_payment),
            route("POST", "/payments/([^/]+)/refund", self._refund),
            route("GET", "/payments/([^/]+)/refunds", self._refunds),
            route("POST", "/payments/([^/]+)/lapse", self._lapse),
            route("POST", "/refunds/([^/]+)/end", self._end_refund),
            *ledger.routes(self.books.store, self.faults),
            route("POST", "/keys/forget", self._forget_keys),
            route("GET", "/challenge/([^/]+)", self._challenge),
            route("POST", "/challenge/([^/]+)", self._record_decision),
            route("GET", "/notices", lambda _request: json_answer(self.books.notices())),
            route("GET", "/books", lambda _request: json_answer(self.books.shown())),
            route("GET", "/healthz", lambda _request: json_answer({"status": "ok"})),
            route("POST", "/reset", self._reset),
            *DisputeRoutes(self.books, self._answer_once, self._notify_disputes).routes(),
            *self.faults.routes(),
        ]

    def _tokens(self, request: Request) -> Answer:
        body = request.json()
        return self._answer_once("tokens", request, lambda: gateway.make_token(self.books, body))

    def _authorise(self, request: Request) -> Answer:
        body, key, address = request.json(), _key(request), self._bank_address(request)
        return self._answer_once(
            "authorise",
            request,
            lambda: gateway.authorise(self.books, body, key=key, address=address),
        )

    def _forget(self, request: Request) -> Answer:
        body = request.json()
        return self._answer_once("forget", request, lambda: gateway.forget_token(self.books, body))

    def _open_page(self, request: Request) -> Answer:
        body, address = request.json(), request.address
        return self._answer_once(
            "open_page", request, lambda: pages.open_page(self.books, body, address=address)
        )

    def _fetch_page(self, _request: Request, identifier: str) -> Answer:
        time.sleep(self.delay)

        def run() -> Answer:
            try:
                status, body = pages.describe_page(self.books, identifier)
            except Refused as refused:
                return json_answer(refused.body, refused.status)
            return json_answer(body, status)

        return run_with_faults(self.faults, "fetch_page", work=run)

    def _card_page(self, _request: Request, identifier: str) -> Answer:
        """Show the page to the customer. A page that has ended leads back to the merchant."""
        page = self.books.page(identifier)
        if page is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        if page["status"] != PageStatus.OPEN:
            return see_other(page["return_url"])
        return html_answer(pages.page())

    def _submit_card(self, request: Request, identifier: str) -> Answer:
        typed = request.typed()
        try:
            return_url = pages.submit_card(self.books, identifier, typed)
        except cards.InvalidCard as error:
            return html_answer(pages.page(str(error)))
        if return_url is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        return see_other(return_url)

    def _change_payment(self, request: Request, identifier: str, action: str) -> Answer:
        return self._answer_once(
            action, request, lambda: gateway.change_payment(self.books, identifier, action)
        )

    def _refund(self, request: Request, identifier: str) -> Answer:
        body, key = request.json(), _key(request)
        return self._answer_once(
            "refund",
            request,
            lambda: gateway.refund_payment(self.books, identifier, body, key=key),
        )

    def _refunds(self, request: Request, identifier: str) -> Answer:
        """List the refunds of a payment, or only that with the Idempotency-Key of the query."""
        if self.books.payment(identifier) is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "unknown_payment")
        wanted = request.query.get("key")
        refunds = self.books.refunds(identifier)
        return json_answer({"refunds": [one for one in refunds if wanted in {None, one["key"]}]})

    def _lapse(self, _request: Request, identifier: str) -> Answer:
        self.books.lapse(identifier)
        return json_answer({"status": "lapsed"})

    def _end_refund(self, request: Request, identifier: str) -> Answer:
        try:
            status, body = gateway.end_refund(self.books, identifier, request.json())
        except Refused as refused:
            return json_answer(refused.body, refused.status)
        self._notify("refund", body["id"])
        return json_answer(body, status)

    def _forget_keys(self, _request: Request) -> Answer:
        forget_keys(self.books.store)
        return json_answer({"status": "forgotten"})

    def _answer_once(self, function: str, request: Request, work: Callable[[], Reply]) -> Answer:
        time.sleep(self.delay)
        asked = gateway.request_digest(request.path, request.json())

        def run() -> Answer:
            try:
                status, body = answer_once(self.books.store, _key(request), asked, work)
            except Refused as refused:
                return json_answer(refused.body, refused.status)
            self._notify(function, body.get("id"))
            self._notify_disputes(function, str(body.get("payment", body.get("id"))))
            return json_answer(body, status)

        return run_with_faults(self.faults, function, work=run)

    def _notify_disputes(self, function: str, identifier: str) -> None:
        """Send an event about each dispute of this payment and about each warning."""
        payment = self.books.payment(identifier)
        for subject, of_subject, changes in disputes.subjects_of(self.books, identifier):
            event = f"evt_{of_subject}_{changes}"
            body = {"id": event, "event": function, "payment": payment, subject: {"id": of_subject}}
            self._send(body)

    def _notify(self, function: str, identifier: str | None) -> None:
        """Send the current payment to the listener, also for a repeated request, as real ones do.

        The event's id depends only on the payment, its status and what was refunded, so a repeated
        event has the same id.
        """
        payment = self.books.payment(identifier) if identifier else None
        if payment is None:
            return
        part = f"_{payment['refunded']}" if payment["refunded"] else ""
        event = f"evt_{payment['id'][4:]}_{payment['status']}{part}"
        self._send({"id": event, "event": function, "payment": payment})

    def _send(self, event: dict[str, Any]) -> None:
        if not self.listener:
            return
        body = json.dumps(event)
        signature = signed(body, self.secret, at=int(time.time()))
        self.books.store_notice(body, signature)
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
        send_in_background([Notice(self.listener, body.encode(), headers)])

    def _challenge(self, request: Request, identifier: str) -> Answer:
        """Show the bank's page with its two buttons."""
        payment = self.books.payment(identifier)
        if payment is None or self.books.return_url(identifier) is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        return html_answer(challenge.page(payment))

    def _record_decision(self, request: Request, identifier: str) -> Answer:
        approved = request.typed().get("decision") == "approve"
        return_url = gateway.record_decision(self.books, identifier, approved=approved)
        if return_url is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
        self._notify("challenge", identifier)
        return see_other(return_url)

    def _payment(self, request: Request, identifier: str) -> Answer:
        payment = self.books.payment(identifier)
        if payment is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "unknown_payment")
        shown = gateway.describe_payment(payment, address=self._bank_address(request))
        return json_answer(shown)

    def _payments_with_key(self, request: Request) -> Answer:
        if "key" not in request.query:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "key_required")
        found, address = (
            self.books.payments_with_key(request.query["key"]),
            self._bank_address(request),
        )
        shown = [gateway.describe_payment(payment, address=address) for payment in found]
        return json_answer({"payments": shown})

    def _bank_address(self, request: Request) -> str:
        return self.bank or request.address

    def _reset(self, request: Request) -> Answer:
        self.books.empty()
        self.faults.clear()
        return json_answer({"status": "empty"})


def signed(body: str, secret: str, *, at: int) -> str:
    """Return the signature of a webhook: HMAC-SHA-256 of the time in Unix seconds and the body."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _key(request: Request) -> str:
    return request.headers.get("idempotency-key", "")
