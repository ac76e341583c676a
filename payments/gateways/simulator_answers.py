"""The payment simulator's answers, parsed. What cannot be parsed is `GatewayUnavailable`."""

import re
from typing import Any

from payments.gateways.answers import LONGEST_TEXT, parse_delay, parse_moment, require_text
from payments.gateways.base import GatewayUnavailable
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
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express"}
MONTHS, YEARS = range(1, 13), range(2000, 2200)


def parse_standing(body: dict[str, Any]) -> Standing:
    """Parse how a payment stands. Raises `GatewayUnavailable` for an unknown status."""
    gateway_id, status = require_text(body, "id"), require_text(body, "status")
    if status == "declined":
        return _parse_refusal(body, gateway_id)
    if status == "requires_action":
        return CustomerStep(gateway_id, require_text(body, "url"))
    if status == "authorised":
        return Authorised(gateway_id, parse_moment(body.get("capture_before")))
    known: dict[str, type[Captured | VoidedOrRefunded]] = {
        "captured": Captured,
        "voided": VoidedOrRefunded,
        "refunded": VoidedOrRefunded,
    }
    if status not in known:
        raise GatewayUnavailable(f"unknown payment status {status!r}", was_sent=True)
    return known[status](gateway_id)


def parse_refund(body: object) -> RefundStanding:
    """Parse how a refund stands. Raises `GatewayUnavailable` for an unknown status."""
    refund = body if isinstance(body, dict) else {}
    refund_id, status = require_text(refund, "id"), require_text(refund, "status")
    if status == "done":
        return Refunded(refund_id)
    if status == "pending":
        return RefundPending(refund_id)
    if status == "failed":
        return RefundFailed(refund_id, str(refund.get("reason", ""))[:LONGEST_TEXT])
    raise GatewayUnavailable(f"unknown refund status {status!r}", was_sent=True)


def _parse_refusal(body: dict[str, Any], gateway_id: str) -> Declined:
    """Parse what a refusal means for the card. An unknown kind does not stop the card."""
    sent = body.get("kind")
    kind = RefusalKind(sent) if sent in RefusalKind.values else RefusalKind.LATER
    reason = str(body.get("reason", ""))[:LONGEST_TEXT]
    return Declined(gateway_id, reason, kind, parse_delay(body.get("retry_after")))


def parse_stored_card(body: dict[str, Any]) -> StoredCard:
    """Parse the parts of a card that may be stored. Raises `GatewayUnavailable`."""
    last4, month, year = (
        require_text(body, "last4"),
        body.get("exp_month", 0),
        body.get("exp_year", 0),
    )
    # A gateway that sends the whole number here must not get it into the database.
    if not re.fullmatch(r"[0-9]{4}", last4):
        raise GatewayUnavailable("the answer's last4 is not four digits", was_sent=True)
    if month not in MONTHS or year not in YEARS:
        raise GatewayUnavailable("the answer's expiry is not a month and a year", was_sent=True)
    return StoredCard(
        token=require_text(body, "token"),
        brand=BRANDS.get(require_text(body, "brand"), body["brand"].title())[:20],
        last4=last4,
        expiry_month=int(month),
        expiry_year=int(year),
    )
