"""Checkout Sessions in the mode `setup`: a page that keeps a card without a payment."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from simulators.http import Answer, HttpRefusal, Request, Route, route
from simulators.keys import Reply
from simulators.payment.cards import CUSTOMER_STEP, REFUSED_AT_SIGHT, STEP_WHEN_AWAY, InvalidCard
from simulators.stripe import cards, pages
from simulators.stripe.books import Books, Object
from simulators.stripe.errors import ApiError

OPEN_FOR = 24 * 3600
# The bank asks for a confirmation when such a card is set up.
ASKED = frozenset({CUSTOMER_STEP, STEP_WHEN_AWAY})


def create(books: Books, form: dict[str, Any], address: str) -> Reply:
    """Open a page that keeps one card."""
    if not form.get("success_url"):
        raise ApiError("success_url is missing", code="parameter_missing", param="success_url")
    if "allowed_payment_method_types" not in form and "currency" not in form:
        raise ApiError("currency is missing", code="parameter_missing", param="currency")
    session = books.add(
        "checkout.session",
        "cs_test",
        {
            "amount_total": None,
            "cancel_url": form.get("cancel_url"),
            "currency": None,
            "customer": None,
            "customer_creation": form.get("customer_creation", "if_required"),
            "expires_at": int(time.time()) + OPEN_FOR,
            "metadata": form.get("metadata", {}),
            "mode": "setup",
            "payment_intent": None,
            "payment_status": "no_payment_required",
            "setup_intent": None,
            "status": "open",
            "success_url": form["success_url"],
            # No payment, which `sessions.expire` would cancel.
            "_started": "",
            "_setup": form.get("setup_intent_data", {}),
        },
    )
    session["url"] = f"{address}/c/setup/{session['id']}"
    books.save(session)
    return HTTPStatus.OK, session


@dataclass(frozen=True)
class SetupPages:
    """The pages that the customer's browser opens."""

    books: Books
    announce: Callable[[Object], None]

    def routes(self) -> list[Route]:
        return [
            route("GET", "/c/setup/([^/]+)", self._page),
            route("POST", "/c/setup/([^/]+)", self._keep),
            route("GET", "/challenge/setup/([^/]+)", self._challenge),
            route("POST", "/challenge/setup/([^/]+)", self._decide),
        ]

    def _page(self, _request: Request, identifier: str) -> Answer:
        session = _own(self.books, identifier, "checkout.session")
        return _html(pages.setup(session)) if session["status"] == "open" else _leave(session)

    def _keep(self, request: Request, identifier: str) -> Answer:
        session = _own(self.books, identifier, "checkout.session")
        if session["status"] != "open":
            return _leave(session)
        try:
            card = cards.parse_typed(_typed(request))
        except InvalidCard as error:
            return _html(pages.setup(session, pages.WORDS[str(error)]))
        if card.behaviour in REFUSED_AT_SIGHT:
            return _html(pages.setup(session, "Your card was declined."))
        with self.books.transaction():
            setup = _add(self.books, session, cards.add_method(self.books, card))
        if card.behaviour in ASKED:
            return _see_other(f"/challenge/setup/{setup['id']}")
        return self._complete(setup)

    def _challenge(self, _request: Request, identifier: str) -> Answer:
        _own(self.books, identifier, "setup_intent")
        return _html(pages.CONFIRM_SETUP)

    def _decide(self, request: Request, identifier: str) -> Answer:
        setup = _own(self.books, identifier, "setup_intent")
        if _typed(request).get("decision") == "approve":
            return self._complete(setup)
        return _see_other(_own(self.books, setup["_session"], "checkout.session")["url"])

    def _complete(self, setup: Object) -> Answer:
        """Attach the card to a new customer, complete the session, and lead the customer back."""
        session = _own(self.books, setup["_session"], "checkout.session")
        method = _own(self.books, setup["payment_method"], "payment_method")
        with self.books.transaction():
            if session["customer_creation"] == "always":
                customer = self.books.add("customer", "cus", {"email": "customer@example.com"})
                method["customer"] = setup["customer"] = session["customer"] = customer["id"]
            setup["status"] = "succeeded"
            session.update(status="complete", setup_intent=setup["id"], url=None)
            for one in (method, setup, session):
                self.books.save(one)
        self.announce(session)
        return _leave(session)


def _add(books: Books, session: Object, method: Object) -> Object:
    fields = {"status": "requires_action", "payment_method": method["id"], "customer": None}
    metadata = session["_setup"].get("metadata", {})
    return books.add(
        "setup_intent", "seti", {**fields, "metadata": metadata, "_session": session["id"]}
    )


def _own(books: Books, identifier: str, kind: str) -> Object:
    found = books.get(identifier)
    if found is None or found["object"] != kind:
        raise HttpRefusal(HTTPStatus.NOT_FOUND, "not_found")
    return found


def _typed(request: Request) -> dict[str, str]:
    return {name: said[0] for name, said in parse_qs(request.body.decode("latin-1")).items()}


def _html(page: bytes) -> Answer:
    return Answer(HTTPStatus.OK, page, "text/html; charset=utf-8")


def _see_other(url: str) -> Answer:
    return Answer(HTTPStatus.SEE_OTHER, b"", headers=(("Location", url),))


def _leave(session: Object) -> Answer:
    return _see_other(session["success_url"])
