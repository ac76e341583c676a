"""Stripe's API over HTTP, as far as the portal uses it, and the routes that only tests use."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators.faults import Faults, run_with_faults
from simulators.http import Answer, Request, Route, html_answer, json_answer, route, see_other
from simulators.keys import Refused, Reply, answer_once
from simulators.payment.cards import InvalidCard
from simulators.stripe import (
    balance,
    cards,
    controls,
    customers,
    disputes,
    forms,
    intents,
    pages,
    refunds,
    sessions,
    setups,
)
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError
from simulators.stripe.events import Announcer
from simulators.stripe.showing import expand, shown

FUNCTIONS = (
    *("authorise", "capture", "cancel", "refund", "open", "expire", "detach", "dispute"),
    "fetch",
)
Work = Callable[[dict[str, Any]], Reply]


@dataclass(frozen=True)
class StripeServer:
    books: Books
    faults: Faults
    announcer: Announcer
    api_key: str = ""
    delay: float = 0.0

    def routes(self) -> list[Route]:
        books = self.books
        intent, session = "/v1/payment_intents", "/v1/checkout/sessions"
        return [
            route("POST", intent, self._create_intent),
            route("GET", f"{intent}/search", self._search),
            route("GET", f"{intent}/([^/]+)", self._show(lambda pk: intents.get(books, pk))),
            route("POST", f"{intent}/([^/]+)/capture", self._act("capture", intents.capture)),
            route("POST", f"{intent}/([^/]+)/cancel", self._act("cancel", intents.cancel)),
            route("POST", session, self._open_session),
            route("GET", f"{session}/([^/]+)", self._show(lambda pk: sessions.get(books, pk))),
            route("POST", f"{session}/([^/]+)/expire", self._act("expire", sessions.expire)),
            route("POST", "/v1/refunds", self._refund),
            route("GET", "/v1/refunds", self._refunds),
            route("GET", "/v1/balance_transactions", self._balance),
            route("POST", "/v1/customers", self._add_customer),
            route("POST", "/v1/payment_methods/([^/]+)/attach", self._attach),
            route(
                "POST",
                "/v1/payment_methods/([^/]+)/detach",
                self._act("detach", customers.detach),
            ),
            route("GET", "/c/pay/([^/]+)", self._checkout),
            route("POST", "/c/pay/([^/]+)", self._pay),
            route("GET", "/challenge/([^/]+)", self._challenge),
            route("POST", "/challenge/([^/]+)", self._decide),
            *self._routes_for_disputes(),
            *controls.routes(books, self.faults, self.announcer.announce),
            *disputes.routes_for_tests(books, self.announcer.announce),
            *setups.SetupPages(books, self.announcer.announce).routes(),
            *self.faults.routes(),
        ]

    def _routes_for_disputes(self) -> list[Route]:
        def answer(request: Request, pk: str) -> Answer:
            return self._post(
                "dispute", request, lambda form: disputes.answer(self.books, pk, form)
            )

        show = self._show(lambda pk: disputes.get(self.books, pk))
        return [
            route("GET", "/v1/disputes/([^/]+)", show),
            route("POST", "/v1/disputes/([^/]+)", answer),
            route("POST", "/v1/disputes/([^/]+)/close", self._act("dispute", disputes.close)),
            route("GET", "/v1/radar/early_fraud_warnings/([^/]+)", show),
        ]

    def _create_intent(self, request: Request) -> Answer:
        address = request.address
        return self._post(
            "authorise", request, lambda form: intents.create(self.books, form, address)
        )

    def _open_session(self, request: Request) -> Answer:
        address = request.address
        return self._post("open", request, lambda form: sessions.create(self.books, form, address))

    def _refund(self, request: Request) -> Answer:
        return self._post("refund", request, lambda form: refunds.create(self.books, form))

    def _add_customer(self, request: Request) -> Answer:
        return self._post("customer", request, lambda _form: customers.create(self.books))

    def _attach(self, request: Request, identifier: str) -> Answer:
        return self._post(
            "customer", request, lambda form: customers.attach(self.books, identifier, form)
        )

    def _act(self, function: str, act: Callable[[Books, str], Reply]) -> Callable[..., Answer]:
        """Return a view that does something with one object."""

        def view(request: Request, identifier: str) -> Answer:
            return self._post(function, request, lambda _form: act(self.books, identifier))

        return view

    def _show(self, find: Callable[[str], Object]) -> Callable[..., Answer]:
        """Return a view that shows one object."""

        def view(request: Request, identifier: str) -> Answer:
            return self._get(request, lambda: find(identifier))

        return view

    def _search(self, request: Request) -> Answer:
        """Search for a payment by one field of its metadata."""
        name, _colon, value = request.query.get("query", "").partition(":")
        wanted = value.strip("'")

        def find() -> Object:
            field = name.removeprefix("metadata['").removesuffix("']")
            found = [
                one
                for one in self.books.all("payment_intent")
                if one["metadata"].get(field) == wanted
            ]
            return {
                "object": "search_result",
                "data": found,
                "has_more": False,
                "url": request.path,
            }

        return self._get(request, find)

    def _balance(self, request: Request) -> Answer:
        return self._get(request, lambda: balance.page(self.books, request.query))

    def _refunds(self, request: Request) -> Answer:
        def find() -> Object:
            intents.get(self.books, request.query.get("payment_intent", ""))
            found = refunds.of_payment(self.books, request.query["payment_intent"])
            return {"object": "list", "data": found, "has_more": False, "url": request.path}

        return self._get(request, find)

    def _post(self, function: str, request: Request, work: Work) -> Answer:
        """Do the work once for each idempotency key, unless a fault strikes."""
        time.sleep(self.delay)
        form = forms.parse_form(request.body.decode())
        asked = hashlib.sha256(json.dumps([request.path, form], sort_keys=True).encode())

        def run() -> Answer:
            try:
                self._check_caller(request)
                status, body = self._once(request, asked.hexdigest(), lambda: work(form))
            except ApiError as error:
                return json_answer(shown(error.body), error.status)
            if "object" in body:
                self.announcer.announce(body)
            elif "error" in body:
                self.announcer.announce(body["error"]["payment_intent"])
            return self._answer(body, status, forms.values(form.get("expand")))

        if function not in FUNCTIONS:
            return run()
        return run_with_faults(self.faults, function, work=run)

    def _once(self, request: Request, asked: str, work: Callable[[], Reply]) -> Reply:
        key = request.headers.get("idempotency-key", "")
        if not key:
            with self.books.transaction():
                return work()
        try:
            return answer_once(self.books.store, key, asked, work)
        except Refused as refused:
            raise ApiError(
                "The key was used for another request", kind="idempotency_error"
            ) from refused

    def _get(self, request: Request, find: Callable[[], Object]) -> Answer:
        time.sleep(self.delay)
        paths = [path for name, path in request.query.items() if name.startswith("expand[")]

        def run() -> Answer:
            try:
                self._check_caller(request)
                return self._answer(find(), HTTPStatus.OK, paths)
            except ApiError as error:
                return json_answer(shown(error.body), error.status)

        return run_with_faults(self.faults, "fetch", work=run)

    def _answer(self, body: Object, status: int, paths: list[Any]) -> Answer:
        return json_answer(shown(expand(self.books, body, paths)), status)

    def _check_caller(self, request: Request) -> None:
        sent = request.headers.get("authorization")
        if self.api_key and sent != f"Bearer {self.api_key}":
            raise ApiError("Invalid API key", status=HTTPStatus.UNAUTHORIZED)

    def _checkout(self, _request: Request, identifier: str) -> Answer:
        """Show the page to the customer. A page that has ended leads back to the merchant."""
        session = self.books.require(identifier, "checkout.session")
        if session["status"] != "open":
            return see_other(session["success_url"])
        return html_answer(pages.checkout(session))

    def _pay(self, request: Request, identifier: str) -> Answer:
        session, typed = self.books.require(identifier, "checkout.session"), request.typed()
        is_wallet = typed.get("decision") == "wallet"
        try:
            card = cards.TEST_CARD if is_wallet else cards.parse_typed(typed)
        except InvalidCard as error:
            return html_answer(pages.checkout(session, pages.WORDS[str(error)]))
        if session["status"] != "open":
            return see_other(session["success_url"])
        with self.books.transaction():
            wallet = "apple_pay" if is_wallet else ""
            intent = sessions.pay(self.books, session, card, wallet=wallet, address=request.address)
        self._announce_with_session(intent)
        if intent["last_payment_error"]:
            return html_answer(pages.checkout(session, intent["last_payment_error"]["message"]))
        if intent["next_action"]:
            return see_other(intent["next_action"]["redirect_to_url"]["url"])
        return see_other(session["success_url"])

    def _challenge(self, _request: Request, identifier: str) -> Answer:
        return html_answer(pages.challenge(self.books.require(identifier, "payment_intent")))

    def _decide(self, request: Request, identifier: str) -> Answer:
        """Record the customer's decision at the bank. The first decision counts."""
        intent = self.books.require(identifier, "payment_intent")
        session = self.books.get(intent.get("_session", ""))
        back = session["success_url"] if session else None
        if intent["status"] == "requires_action":
            back = back or intent["next_action"]["redirect_to_url"]["return_url"]
            with self.books.transaction():
                self._record_decision(intent, request.typed().get("decision") == "approve")
            self._announce_with_session(intent)
        if session and intent["last_payment_error"]:
            return see_other(str(session["url"]))
        return see_other(back or request.address)

    def _record_decision(self, intent: Object, approves: bool) -> None:  # noqa: FBT001 -- one answer
        method = self.books.get(str(intent["payment_method"]))
        if approves and method is not None:
            intents.approve(self.books, intent, method)
            sessions.complete(self.books, intent)
        else:
            intents.refuse_step(self.books, intent)

    def _announce_with_session(self, intent: Object) -> None:
        self.announcer.announce(intent)
        session = self.books.get(intent.get("_session", ""))
        if session:
            self.announcer.announce(session)
