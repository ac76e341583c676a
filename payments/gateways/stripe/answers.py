"""Stripe's objects, parsed. What cannot be parsed is `GatewayUnavailable`."""

import re
from collections.abc import Mapping
from typing import Any

from moportal.money import Money
from payments.gateways.answers import LONGEST_TEXT, LONGEST_URL, parse_moment, require_text
from payments.gateways.base import GatewayUnavailable
from payments.gateways.stripe.amounts import to_stripe
from payments.gateways.stripe.declines import parse_decline
from payments.gateways.values import (
    Authorised,
    Captured,
    CustomerStep,
    Declined,
    Refunded,
    RefundFailed,
    RefundPending,
    RefundStanding,
    Standing,
    StoredCard,
    VoidedOrRefunded,
)
from payments.states import RefusalKind

# The names as the card schemes spell them.
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "jcb": "JCB"}
MONTHS, YEARS = range(1, 13), range(2000, 2200)
# The reason of a session that expired, or that the portal ended.
EXPIRED = "session_expired"


def parse_session(session: Mapping[str, Any]) -> Standing:
    """Parse how a payment on Stripe's page stands. Raises `GatewayUnavailable`."""
    session_id, status = require_text(dict(session), "id"), session.get("status")
    match status:
        case "open":
            url = require_text(dict(session), "url", longest=LONGEST_URL)
            return CustomerStep(session_id, url)
        case "expired":
            return Declined(session_id, EXPIRED, RefusalKind.CUSTOMER)
        case "complete" if _asks_for_amount_of(session):
            return parse_intent(session["payment_intent"])
    raise GatewayUnavailable(f"unknown session status {str(status)[:40]!r}", was_sent=True)


def is_for(session: Mapping[str, Any], amount: Money) -> bool:
    """Return whether the page asks for exactly this amount."""
    asked = session.get("amount_total"), session.get("currency")
    return asked == (to_stripe(amount), amount.currency.lower())


def _asks_for_amount_of(session: Mapping[str, Any]) -> bool:
    """Return whether the payment's amount is the one that its page asked for."""
    intent = session.get("payment_intent")
    asked = session.get("amount_total"), session.get("currency")
    return isinstance(intent, dict) and asked == (intent.get("amount"), intent.get("currency"))


def parse_intent(intent: Mapping[str, Any]) -> Standing:
    """Parse how a PaymentIntent stands. Raises `GatewayUnavailable` for an unknown status."""
    gateway_id, status = require_text(dict(intent), "id"), intent.get("status")
    match status:
        case "requires_capture":
            ends = parse_moment(_card_details(intent).get("capture_before"))
            return Authorised(gateway_id, ends, _parse_method(intent))
        case "succeeded":
            return _parse_charged(gateway_id, intent)
        case "canceled":
            return VoidedOrRefunded(gateway_id)
        case "requires_action":
            return CustomerStep(gateway_id, _parse_step(intent))
        case "requires_payment_method" if isinstance(intent.get("last_payment_error"), dict):
            return parse_decline(gateway_id, intent["last_payment_error"])
    raise GatewayUnavailable(f"unknown payment status {str(status)[:40]!r}", was_sent=True)


def parse_refund(refund: Mapping[str, Any]) -> RefundStanding:
    """Parse how a refund stands. Raises `GatewayUnavailable` for an unknown status."""
    refund_id, status = require_text(dict(refund), "id"), refund.get("status")
    match status:
        case "succeeded":
            return Refunded(refund_id)
        case "pending" | "requires_action":
            return RefundPending(refund_id)
        case "failed" | "canceled":
            reason = refund.get("failure_reason") or status
            return RefundFailed(refund_id, str(reason)[:LONGEST_TEXT])
    raise GatewayUnavailable(f"unknown refund status {str(status)[:40]!r}", was_sent=True)


def _parse_charged(gateway_id: str, intent: Mapping[str, Any]) -> Captured | VoidedOrRefunded:
    charge = _charge(intent)
    is_whole = charge.get("refunded") is True
    return VoidedOrRefunded(gateway_id) if is_whole else Captured(gateway_id)


def _parse_step(intent: Mapping[str, Any]) -> str:
    """Return where the customer confirms. A step that is no redirect cannot be taken."""
    action = intent.get("next_action")
    redirect = action.get("redirect_to_url") if isinstance(action, dict) else None
    if not isinstance(redirect, dict):
        raise GatewayUnavailable("the bank's step is no redirect", was_sent=True)
    return require_text(redirect, "url", longest=LONGEST_URL)


def _parse_method(intent: Mapping[str, Any]) -> StoredCard | None:
    """Return the card that was used, or None if it was no card or the answer is unusable.

    It has a token only if Stripe keeps it for later payments.
    """
    return parse_card(_card_details(intent), token=_kept_token(intent))


def parse_card(card: Mapping[str, Any], *, token: str) -> StoredCard | None:
    """Parse the parts of a card that may be stored, or return None if they are unusable."""
    month, year, last4 = card.get("exp_month", 0), card.get("exp_year", 0), str(card.get("last4"))
    if month not in MONTHS or year not in YEARS or not re.fullmatch(r"[0-9]{4}", last4):
        return None
    brand = str(card.get("brand"))
    return StoredCard(
        token=token,
        brand=BRANDS.get(brand, brand.title())[:20],
        last4=last4,
        expiry_month=int(month),
        expiry_year=int(year),
    )


def _kept_token(intent: Mapping[str, Any]) -> str:
    method, customer = intent.get("payment_method"), intent.get("customer")
    is_kept = bool(intent.get("setup_future_usage")) and bool(customer)
    return make_token(str(method), str(customer)) if is_kept else ""


def make_token(method: str, customer: str) -> str:
    """Return the token of a card: the card and its customer, because Stripe wants both."""
    return f"{customer}/{method}"


def part_token(token: str) -> tuple[str, str]:
    """Return the card and its customer, which is empty for a card without one."""
    customer, _slash, method = token.rpartition("/")
    return method, customer


def _card_details(intent: Mapping[str, Any]) -> dict[str, Any]:
    details = _charge(intent).get("payment_method_details")
    card = details.get("card") if isinstance(details, dict) else None
    return card if isinstance(card, dict) else {}


def _charge(intent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last charge, or raise `GatewayUnavailable` if the answer only names it."""
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict):
        raise GatewayUnavailable("the answer has no charge", was_sent=True)
    return charge
