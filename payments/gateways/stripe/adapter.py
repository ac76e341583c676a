"""The adapter for Stripe.

A stored card is charged by a PaymentIntent, whose id begins with `pi_`. Any other card or wallet
pays on a page of Stripe, by a Checkout Session, whose id begins with `cs_`. Once the customer has
paid there, the payment's id is that of its PaymentIntent. In the mode `setup`, such a page keeps a
card without a payment.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import stripe
from django.conf import settings

from moportal.money import Money
from payments.gateways.base import (
    Ability,
    GatewayRefused,
    GatewayUnavailable,
    WithoutCode,
    WithoutMethods,
)
from payments.gateways.stripe import requests
from payments.gateways.stripe.amounts import problem_of
from payments.gateways.stripe.answers import (
    is_for,
    parse_intent,
    parse_refund,
    parse_session,
    part_token,
)
from payments.gateways.stripe.books import StripeBooks
from payments.gateways.stripe.client import ask, client, error_body, send
from payments.gateways.stripe.disputes import StripeDisputes
from payments.gateways.stripe.events import parse_event
from payments.gateways.stripe.pages import StripePages
from payments.gateways.values import Event, RefundStanding, Standing
from payments.states import Initiator

SESSION_PREFIX = "cs_"
# The most refunds that one answer lists.
MOST_REFUNDS = 100


class StripeGateway(StripePages, StripeBooks, StripeDisputes, WithoutCode, WithoutMethods):
    """Speaks Stripe's API by Stripe's own library (docs/payments.md#stripe)."""

    name = "stripe"
    abilities = frozenset(
        {
            Ability.STORED_METHODS,
            Ability.HOSTED_PAGE,
            Ability.HOSTED_PAYMENT,
            Ability.WALLETS,
            Ability.BANK_STEP,
            Ability.OFF_SESSION,
            Ability.PART_REFUNDS,
            Ability.DISPUTES,
            Ability.BOOKS,
            Ability.PUSH,
        }
    )
    # Stripe may delete a key once it is 24 hours old.
    remembers_keys_for: timedelta | None = timedelta(hours=24)

    def device_hosts(self) -> frozenset[str]:
        """Return the hosts of Stripe's page, and those from which the page loads files."""
        return frozenset(settings.STRIPE_DEVICE_HOSTS)

    def amount_problem(self, amount: Money) -> str:
        """Return why Stripe cannot take a charge of this amount, or an empty text."""
        return problem_of(amount)

    def authorise(
        self,
        token: str,
        amount: Money,
        *,
        reference: str,
        return_url: str,
        initiator: Initiator,
        key: str,
    ) -> Standing:
        """Ask the bank to approve the amount."""
        _require_amount(amount)
        parameters = requests.intent_parameters(
            token,
            amount,
            reference=reference,
            return_url=return_url,
            key=key,
            is_off_session=initiator == Initiator.OPERATOR,
        )
        try:
            intent = send(
                "authorise", lambda: client().v1.payment_intents.create(parameters, _keyed(key))
            )
        except GatewayRefused as refused:
            # If the bank has refused, the error contains the payment.
            declined = error_body(refused.__cause__).get("payment_intent")
            if not isinstance(declined, dict):
                raise
            return parse_intent(declined)
        return parse_intent(intent)

    def authorise_on_page(
        self, amount: Money, *, reference: str, return_url: str, keep: bool, key: str
    ) -> Standing:
        """Open a Checkout Session. Its page takes the card, and asks for this amount."""
        _require_amount(amount)
        parameters = requests.session_parameters(
            amount, reference=reference, return_url=return_url, key=key, keep=keep
        )
        sessions = client().v1.checkout.sessions
        session = send("authorise", lambda: sessions.create(parameters, _keyed(key)))
        if not is_for(session, amount):
            raise GatewayRefused("authorise: the page asks for another amount")
        return parse_session(session)

    def fetch(self, gateway_id: str) -> Standing:
        """Return how a payment stands."""
        service = client().v1
        if gateway_id.startswith(SESSION_PREFIX):
            return parse_session(
                ask(
                    "fetch",
                    lambda: service.checkout.sessions.retrieve(
                        gateway_id, {"expand": requests.EXPANDED_IN_SESSION}
                    ),
                )
            )
        return parse_intent(
            ask(
                "fetch",
                lambda: service.payment_intents.retrieve(gateway_id, {"expand": requests.EXPANDED}),
            )
        )

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Charge what was authorised."""
        intents = client().v1.payment_intents
        intent = send("capture", lambda: intents.capture(gateway_id, {}, _keyed(key)))
        _require_status("capture", intent, "succeeded")

    def void(self, gateway_id: str, *, key: str) -> None:
        """Cancel an authorisation, or end the page on which nobody has paid yet."""
        service = client().v1
        if gateway_id.startswith(SESSION_PREFIX):
            sessions = service.checkout.sessions
            # The payment itself may still have to be voided under `key`, so this is another key.
            ending = _keyed(f"{key}:page")
            session = send("void", lambda: sessions.expire(gateway_id, {}, ending))
            _require_status("void", session, "expired")
            return
        intents = service.payment_intents
        intent = send("void", lambda: intents.cancel(gateway_id, {}, _keyed(key)))
        _require_status("void", intent, "canceled")

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        """Search for a payment by its key, which is in its metadata.

        Stripe's search may lag by a minute or more. The portal searches only after a key was
        forgotten, a day later. By then a page on which nobody has paid has expired.
        """
        query = f"metadata['key']:'{key}'"
        found = ask(
            "find",
            lambda: client().v1.payment_intents.search(
                {"query": query, "limit": 2, "expand": ["data.latest_charge"]}
            ),
        )
        rows = _rows("find", found)
        if rows[1:]:
            raise GatewayUnavailable("find: several payments have this key", was_sent=True)
        return parse_intent(rows[0]) if rows else None

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        """Give back the amount."""
        parameters = requests.refund_parameters(gateway_id, amount, key=key)
        return parse_refund(
            send("refund", lambda: client().v1.refunds.create(parameters, _keyed(key)))
        )

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        """Search the payment's refunds for the one with this key. This list never lags."""
        found = ask(
            "find_refund",
            lambda: client().v1.refunds.list({"payment_intent": gateway_id, "limit": MOST_REFUNDS}),
        )
        for refund in _rows("find_refund", found):
            if (refund.get("metadata") or {}).get("key") == key:
                return parse_refund(refund)
        if found.get("has_more"):
            raise GatewayUnavailable("find_refund: too many refunds", was_sent=True)
        return None

    def forget(self, token: str, *, key: str) -> None:
        """Detach a stored card from its customer, so that nobody can charge it any more.

        Stripe refuses that only if the card is unknown or not attached. Then nothing is left to do.
        """
        method, _customer = part_token(token)
        try:
            send("forget", lambda: client().v1.payment_methods.detach(method, {}, _keyed(key)))
        except GatewayRefused as refused:
            if isinstance(refused.__cause__, stripe.IdempotencyError):
                raise

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Check the header `Stripe-Signature` and parse the event."""
        return parse_event(body, headers)


def _require_amount(amount: Money) -> None:
    """Raise `GatewayRefused` for an amount that Stripe cannot take."""
    if problem := problem_of(amount):
        raise GatewayRefused(f"authorise: {problem}")


def _keyed(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


def _require_status(operation: str, found: Mapping[str, Any], wanted: str) -> None:
    status = found.get("status")
    if status != wanted:
        detail = f"{operation}: status {str(status)[:40]!r}"
        raise GatewayUnavailable(detail, was_sent=True)


def _rows(operation: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    rows = found.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GatewayUnavailable(f"{operation}: no usable list", was_sent=True)
    return rows
