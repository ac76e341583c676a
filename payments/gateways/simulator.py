"""The gateway of the demo and the tests: HTTP calls to the payment simulator."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from django.conf import settings

from moportal.http_client import check_address, exchange_json
from moportal.money import Money
from moportal.trust.shared_secrets import accepted_values
from payments.gateways.answers import LONGEST_TEXT, require_text
from payments.gateways.base import (
    Ability,
    CardRefused,
    GatewayRefused,
    GatewayUnavailable,
    WebhookForged,
    WithoutCode,
    WithoutHostedPayment,
)
from payments.gateways.entries import EntryPage
from payments.gateways.simulator_answers import (
    parse_refund,
    parse_standing,
    parse_stored_card,
)
from payments.gateways.simulator_disputes import SimulatorDisputes
from payments.gateways.simulator_entries import parse_page
from payments.gateways.values import (
    Card,
    Event,
    HostedPage,
    NoCard,
    PageStanding,
    RefundStanding,
    Standing,
    StillOpen,
    StoredCard,
)
from payments.states import EventSubject, Initiator

LONGEST_URL = 500
SIGNATURE = "Webhook-Signature"
# The gateway's own errors for an unknown object. Any other 404 is a wrong address.
NOT_FOUND_ERRORS = frozenset(
    {"unknown_token", "unknown_payment", "unknown_page", "unknown_dispute", "unknown_warning"}
)
# What an event may be about, other than its payment.
BESIDE_PAYMENT = (EventSubject.DISPUTE, EventSubject.FRAUD_WARNING)
FIELD_OF_ERROR = {"invalid_number": "number", "invalid_expiry": "expiry", "invalid_csc": "csc"}


class SimulatorGateway(SimulatorDisputes, WithoutCode, WithoutHostedPayment):
    """Speaks the payment simulator's JSON protocol (`python -m simulators.payment --help`)."""

    name = "simulator"
    # The setting that has the address.
    address = "PAYMENT_GATEWAY_URL"
    abilities = frozenset(
        {
            Ability.STORED_METHODS,
            Ability.CARD_ENTRY,
            Ability.HOSTED_PAGE,
            Ability.BANK_STEP,
            Ability.OFF_SESSION,
            Ability.PART_REFUNDS,
            Ability.DISPUTES,
            Ability.PUSH,
            Ability.BOOKS,
        }
    )
    # The simulator remembers longer, but real gateways promise about 24 hours.
    remembers_keys_for: timedelta | None = timedelta(hours=24)

    def device_hosts(self) -> frozenset[str]:
        """Return the simulator's own host. It plays the bank's page too."""
        host = urlsplit(getattr(settings, self.address)).hostname
        return frozenset({host}) if host else frozenset()

    def open_page(self, *, return_url: str, key: str) -> HostedPage:
        """Open a page of the provider for one card."""
        status, body = self._post("/pages", {"return_url": return_url}, key=key)
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(f"open_page: HTTP {status}, {str(body.get('error'))[:40]!r}")
        return HostedPage(require_text(body, "id"), require_text(body, "url", longest=LONGEST_URL))

    def fetch_page(self, page_id: str) -> PageStanding:
        """Return the result of the page."""
        status, body = self._exchange("GET", f"/pages/{_path_segment(page_id)}")
        if httpx.codes.is_client_error(status):
            detail = f"fetch_page: HTTP {status}, {str(body.get('error'))[:40]!r}"
            raise GatewayUnavailable(detail, was_sent=True)
        standing = require_text(body, "status")
        if standing == "open":
            return StillOpen(page_id)
        if standing == "refused":
            return NoCard(page_id, str(body.get("reason", ""))[:LONGEST_TEXT])
        if standing != "taken":
            raise GatewayUnavailable(f"unknown page status {standing!r}", was_sent=True)
        return parse_stored_card(body)

    def tokenise(self, card: Card, *, key: str) -> StoredCard:
        """Exchange the card within five seconds, because a customer's request waits for it."""
        content = {
            "number": card.number,
            "exp_month": card.expiry_month,
            "exp_year": card.expiry_year,
            "csc": card.csc,
            "name": card.holder,
        }
        status, body = self._post("/tokens", content, key=key, timeout=settings.CARD_TOKEN_TIMEOUT)
        # The answer to any other error has no token, so `parse_stored_card` reports that the
        # gateway is unavailable.
        if status == httpx.codes.UNPROCESSABLE_ENTITY:
            raise CardRefused(FIELD_OF_ERROR.get(str(body.get("error")), ""))
        # The answer does not repeat the expiry.
        typed = {"exp_month": card.expiry_month, "exp_year": card.expiry_year}
        return parse_stored_card({**body, **typed})

    def forget(self, token: str, *, key: str) -> None:
        """Remove a stored card."""
        status, body = self._post("/tokens/forget", {"token": token}, key=key)
        if httpx.codes.is_client_error(status) and status != httpx.codes.NOT_FOUND:
            raise GatewayRefused(f"forget: HTTP {status}, {str(body.get('error'))[:40]!r}")

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
        content = {
            "token": token,
            "amount": amount.minor_units,
            "currency": amount.currency,
            "reference": reference,
            "return_url": return_url,
            "off_session": initiator == Initiator.OPERATOR,
        }
        status, body = self._post("/payments", content, key=key)
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(f"authorise: HTTP {status}, {str(body.get('error'))[:40]!r}")
        return parse_standing(body)

    def fetch(self, gateway_id: str) -> Standing:
        """Return how a payment stands."""
        status, body = self._exchange("GET", f"/payments/{_path_segment(gateway_id)}")
        if httpx.codes.is_client_error(status):
            detail = f"fetch: HTTP {status}, {str(body.get('error'))[:40]!r}"
            raise GatewayUnavailable(detail, was_sent=True)
        return parse_standing(body)

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Charge what was authorised."""
        self._act(gateway_id, "capture", "captured", key=key)

    def void(self, gateway_id: str, *, key: str) -> None:
        """Cancel an authorisation."""
        self._act(gateway_id, "void", "voided", key=key)

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        """Search for a payment by its key. The simulator needs no reference for that."""
        found = self._search("/payments", key, "payments")
        return parse_standing(found) if found else None

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        """Give back the amount."""
        path = f"/payments/{_path_segment(gateway_id)}/refund"
        status, body = self._post(path, {"amount": amount.minor_units}, key=key)
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(f"refund: HTTP {status}, {str(body.get('error'))[:40]!r}")
        return parse_refund(body.get("refund"))

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        """Search for a refund by its key."""
        path = f"/payments/{_path_segment(gateway_id)}/refunds"
        found = self._search(path, key, "refunds")
        return parse_refund(found) if found else None

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """Return what was booked on this day in UTC."""
        query = urlencode({"day": day.isoformat(), "after": after})
        status, body = self._exchange("GET", f"/entries?{query}")
        if httpx.codes.is_client_error(status):
            detail = f"entries: HTTP {status}, {str(body.get('error'))[:40]!r}"
            raise GatewayUnavailable(detail, was_sent=True)
        return parse_page(body)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """Check `t=…,v1=HMAC-SHA-256("t.body")` and parse the event.

        Its age does not matter: an event only names the payment to ask about.
        """
        sent = dict(part.partition("=")[::2] for part in headers.get(SIGNATURE, "").split(","))
        # The time is part of what is signed, so nobody can change it.
        signed = sent.get("t", "").encode() + b"." + body
        if not _is_signature(sent.get("v1", ""), signed):
            raise WebhookForged("the signature does not match")
        try:
            event = json.loads(body)
            payment = event["payment"]
            subject = next((one for one in BESIDE_PAYMENT if one in event), EventSubject.PAYMENT)
            subject_id = event[subject]["id"] if subject in BESIDE_PAYMENT else ""
            about = (event["id"], payment["id"], payment["reference"], payment["status"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise WebhookForged(f"not an event: {type(error).__name__}") from error
        # PostgreSQL stores no NUL character in a text.
        if not all(isinstance(text, str) and "\0" not in text for text in (*about, subject_id)):
            raise WebhookForged("not an event: a field is not text")
        identifier, gateway_id, reference, status = (text[:LONGEST_TEXT] for text in about)
        return Event(identifier, gateway_id, reference, status, subject, subject_id[:LONGEST_TEXT])

    def _act(self, gateway_id: str, action: str, wanted: str, *, key: str) -> None:
        status, body = self._post(f"/payments/{_path_segment(gateway_id)}/{action}", {}, key=key)
        if body.get("status") == wanted:
            return
        detail = f"{action}: HTTP {status}, {str(body.get('status'))[:40]!r}"
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(detail)
        raise GatewayUnavailable(detail, was_sent=True)

    def _search(self, path: str, key: str, name: str) -> dict[str, Any] | None:
        """Return the one row with this key, or None. Several rows are no usable answer."""
        status, body = self._exchange("GET", f"{path}?{urlencode({'key': key})}")
        found = body.get(name)
        if httpx.codes.is_client_error(status) or not isinstance(found, list) or found[1:]:
            error = str(body.get("error"))[:40]
            raise GatewayUnavailable(f"find: HTTP {status}, {error!r}", was_sent=True)
        return dict(found[0]) if found else None

    def _post(
        self, path: str, content: dict[str, Any], *, key: str, timeout: float | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": key}
        return self._exchange("POST", path, content=content, headers=headers, timeout=timeout)

    def _exchange(
        self, method: str, path: str, *, timeout: float | None = None, **request: Any
    ) -> tuple[int, dict[str, Any]]:
        url = check_address(getattr(settings, self.address), name=self.address) + path
        limit = timeout or settings.OUTSIDE_CALL_TIMEOUT
        return exchange_json(
            method,
            url,
            within=limit,
            unavailable=GatewayUnavailable,
            not_found_errors=NOT_FOUND_ERRORS,
            **request,
        )


def _is_signature(sent: str, signed: bytes) -> bool:
    expected = [
        hmac.new(secret, signed, hashlib.sha256).hexdigest()
        for secret in accepted_values("PAYMENT_WEBHOOK_SECRET")
    ]
    # Compared as bytes: `compare_digest` raises TypeError for text that is not ASCII.
    matches = [hmac.compare_digest(one.encode(), sent.encode()) for one in expected]
    return any(matches)


def _path_segment(identifier: str) -> str:
    """Return an identifier of the gateway as one path segment, whatever characters it has."""
    return quote(identifier, safe="")
