"""Checkout Sessions in the mode `setup`: a page that keeps a card without a payment."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, Request, Route, html_answer, route, see_other
from simulators.keys import Reply
from simulators.payment.cards import CUSTOMER_STEP, REFUSED_AT_SIGHT, STEP_WHEN_AWAY, InvalidCard
from simulators.stripe import cards, customers, pages
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
        session = self.books.require(identifier, "checkout.session")
        return html_answer(pages.setup(session)) if session["status"] == "open" else _leave(session)

    def _keep(self, request: Request, identifier: str) -> Answer:
        session = self.books.require(identifier, "checkout.session")
        if session["status"] != "open":
            return _leave(session)
        try:
            card = cards.parse_typed(request.typed())
        except InvalidCard as error:
            return html_answer(pages.setup(session, pages.WORDS[str(error)]))
        if card.behaviour in REFUSED_AT_SIGHT:
            return html_answer(pages.setup(session, "Your card was declined."))
        with self.books.transaction():
            setup = _add(self.books, session, cards.add_method(self.books, card))
        if card.behaviour in ASKED:
            return see_other(f"/challenge/setup/{setup['id']}")
        return self._complete(setup)

    def _challenge(self, _request: Request, identifier: str) -> Answer:
        self.books.require(identifier, "setup_intent")
        return html_answer(pages.CONFIRM_SETUP)

    def _decide(self, request: Request, identifier: str) -> Answer:
        setup = self.books.require(identifier, "setup_intent")
        if request.typed().get("decision") == "approve":
            return self._complete(setup)
        return see_other(self.books.require(setup["_session"], "checkout.session")["url"])

    def _complete(self, setup: Object) -> Answer:
        """Attach the card to a new customer, complete the session, and lead the customer back."""
        session = self.books.require(setup["_session"], "checkout.session")
        method = self.books.require(setup["payment_method"], "payment_method")
        with self.books.transaction():
            if session["customer_creation"] == "always":
                customers.attach_to_new(self.books, method, setup, session)
            setup["status"] = "succeeded"
            session.update(status="complete", setup_intent=setup["id"], url=None)
            self.books.save(setup)
            self.books.save(session)
        self.announce(session)
        return _leave(session)


def _add(books: Books, session: Object, method: Object) -> Object:
    fields = {"status": "requires_action", "payment_method": method["id"], "customer": None}
    metadata = session["_setup"].get("metadata", {})
    return books.add(
        "setup_intent", "seti", {**fields, "metadata": metadata, "_session": session["id"]}
    )


def _leave(session: Object) -> Answer:
    return see_other(session["success_url"])
