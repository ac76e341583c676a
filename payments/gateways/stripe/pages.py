"""Stripe's page that keeps a card without a payment: a Checkout Session in the mode `setup`.

The bank may ask the customer on that page to confirm, so that later charges need no confirmation.
"""

from collections.abc import Mapping
from typing import Any

from payments.gateways.answers import LONGEST_URL, require_text
from payments.gateways.base import GatewayUnavailable
from payments.gateways.stripe import requests
from payments.gateways.stripe.answers import EXPIRED, make_token, parse_card
from payments.gateways.stripe.client import ask, client, send
from payments.gateways.values import HostedPage, NoCard, PageStanding, StillOpen


class StripePages:
    """The part of the adapter that keeps cards without a payment."""

    def open_page(self, *, return_url: str, key: str) -> HostedPage:
        """Open a Checkout Session that keeps one card for a new customer at Stripe."""
        parameters = requests.setup_parameters(return_url=return_url, key=key)
        sessions = client().v1.checkout.sessions
        opened = send("open_page", lambda: sessions.create(parameters, {"idempotency_key": key}))
        url = require_text(opened, "url", longest=LONGEST_URL)
        return HostedPage(require_text(opened, "id"), url)

    def fetch_page(self, page_id: str) -> PageStanding:
        """Return the card that Stripe keeps, or how the page stands."""
        sessions = client().v1.checkout.sessions
        session = ask(
            "fetch_page",
            lambda: sessions.retrieve(page_id, {"expand": requests.EXPANDED_IN_SETUP}),
        )
        status = session.get("status")
        match status:
            case "open":
                return StillOpen(page_id)
            case "expired":
                return NoCard(page_id, EXPIRED)
            case "complete":
                return _parse_setup(session)
        raise GatewayUnavailable(f"unknown session status {str(status)[:40]!r}", was_sent=True)


def _parse_setup(session: Mapping[str, Any]) -> PageStanding:
    """Return the card of a session that is complete. Raises `GatewayUnavailable` without one."""
    setup = session.get("setup_intent")
    method = setup.get("payment_method") if isinstance(setup, dict) else None
    details = method.get("card") if isinstance(method, dict) else None
    if not isinstance(setup, dict) or setup.get("status") != "succeeded":
        raise GatewayUnavailable("the card is not set up", was_sent=True)
    if not isinstance(method, dict) or not isinstance(details, dict):
        raise GatewayUnavailable("the answer has no card", was_sent=True)
    customer = require_text(dict(method), "customer")
    card = parse_card(details, token=make_token(require_text(dict(method), "id"), customer))
    if card is None:
        raise GatewayUnavailable("the answer's card is not usable", was_sent=True)
    return card
