"""The answers of the operator's billing, parsed. An unknown value is `GatewayUnavailable`."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from moportal.money import MINOR_UNIT_DIGITS, Money
from payments.gateways.answers import require_text
from payments.gateways.base import GatewayUnavailable
from payments.gateways.values import (
    Authorised,
    Captured,
    CodeStep,
    CustomerStep,
    Declined,
    Processing,
    Refunded,
    RefundFailed,
    RefundPending,
    RefundStanding,
    Standing,
    VoidedOrRefunded,
)
from payments.states import RefusalKind

LONGEST_URL = 500
# Which errors are a refusal by the operator, and of which kind.
REFUSAL_KINDS = {
    # The number has no account at this operator that could be charged.
    "IDENTIFIER_NOT_FOUND": RefusalKind.FINAL,
    "SERVICE_NOT_APPLICABLE": RefusalKind.FINAL,
    # One purchase may not cost as much.
    "UNAUTHORIZED_AMOUNT": RefusalKind.CUSTOMER,
    # Together with earlier payments, it exceeds the number's limit. CAMARA's OpenAPI document has
    # the first name, and its test definitions have the second.
    "USER_AMOUNT_THRESHOLD_OVERPASSED": RefusalKind.LATER,
    "AMOUNT_THRESHOLD_OVERPASSED": RefusalKind.LATER,
    "PAYMENT_DENIED": RefusalKind.LATER,
}


def amount_of(charging: object) -> Money:
    """Return the amount of a `ChargingInformation`. Raises `GatewayUnavailable` for any other."""
    found = charging if isinstance(charging, dict) else {}
    currency, amount = found.get("currency"), found.get("amount")
    digits = MINOR_UNIT_DIGITS.get(currency) if isinstance(currency, str) else None
    if digits is None or isinstance(amount, bool) or not isinstance(amount, int | float):
        raise GatewayUnavailable("no usable amount", was_sent=True)
    # Python prints a float as its shortest decimal form, which is the one that was sent.
    minor_units = Decimal(str(amount)).scaleb(digits)
    if not minor_units.is_finite() or minor_units != minor_units.to_integral_value():
        raise GatewayUnavailable("an amount with too many decimals", was_sent=True)
    return Money(int(minor_units), str(currency))


def charging_of(amount: Money, description: str) -> dict[str, Any]:
    """Return the `ChargingInformation` of an amount. The portal's prices include tax."""
    # A float keeps decimals of up to 15 digits exactly.
    return {
        "amount": float(amount.amount),
        "currency": amount.currency,
        "description": description,
        "isTaxIncluded": True,
    }


def is_for(body: dict[str, Any], amount: Money) -> bool:
    """Return whether a payment is for exactly this amount."""
    return amount_of(_charging(body)) == amount


def charge_of(body: dict[str, Any]) -> Money:
    """Return the amount of a payment."""
    return amount_of(_charging(body))


def phone_number_of(body: dict[str, Any]) -> str:
    """Return the phone number that a payment charges."""
    return require_text(_transaction(body), "phoneNumber")


def parse_standing(body: object) -> Standing:
    """Parse how a payment stands. A payment that has succeeded may have been refunded since."""
    found = body if isinstance(body, dict) else {}
    gateway_id, status = require_text(found, "paymentId"), require_text(found, "paymentStatus")
    match status:
        case "reserved":
            return Authorised(gateway_id, _end_of(found))
        case "pending_validation":
            return _step(gateway_id, found)
        case "processing":
            return Processing(gateway_id, _step_id(found))
        case "denied":
            return Declined(gateway_id, "denied", RefusalKind.LATER)
        case "succeeded":
            return Captured(gateway_id)
        case "cancelled":
            return VoidedOrRefunded(gateway_id)
    raise GatewayUnavailable("unknown status of a payment", was_sent=True)


def parse_refund(body: object) -> RefundStanding:
    """Parse how a refund stands."""
    found = body if isinstance(body, dict) else {}
    refund_id, status = require_text(found, "refundId"), require_text(found, "refundStatus")
    match status:
        case "succeeded":
            return Refunded(refund_id)
        case "processing":
            return RefundPending(refund_id)
        case "denied":
            return RefundFailed(refund_id, "denied")
    raise GatewayUnavailable("unknown status of a refund", was_sent=True)


def find_row(rows: object, *, key: str, reference: str = "") -> dict[str, Any] | None:
    """Return the payment or refund that was made with this key, or else with this reference.

    Some operators do not return the key. Two rows with one reference are no usable answer.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GatewayUnavailable("no list", was_sent=True)
    found = [row for row in rows if _transaction(row).get("clientCorrelator") == key]
    if not found and reference:
        found = [row for row in _without_key(rows) if _reference(row) == reference]
    if found[1:]:
        raise GatewayUnavailable("several rows with one key", was_sent=True)
    return found[0] if found else None


def _without_key(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not _transaction(row).get("clientCorrelator")]


def _reference(row: dict[str, Any]) -> object:
    return _transaction(row).get("referenceCode")


def _transaction(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("amountTransaction")
    return found if isinstance(found, dict) else {}


def _charging(body: dict[str, Any]) -> object:
    amount = _transaction(body).get("paymentAmount")
    return amount.get("chargingInformation") if isinstance(amount, dict) else None


def _step(gateway_id: str, body: dict[str, Any]) -> Standing:
    """Return what the customer must do: type a code, or open a page of the operator."""
    info = body.get("validationInfo")
    if isinstance(info, dict) and info.get("action") == "open":
        url = require_text(info, "validationURL", longest=LONGEST_URL)
        if not url.startswith(("https://", "http://127.0.0.1:")):
            raise GatewayUnavailable("the operator's page has no https address", was_sent=True)
        return CustomerStep(gateway_id, url)
    return CodeStep(gateway_id, _step_id(body))


def _step_id(body: dict[str, Any]) -> str:
    """Return the `authorizationId`. Only the answer to `preparePayment` has one."""
    info = body.get("validationInfo")
    if not isinstance(info, dict) or info.get("action") != "validate":
        return ""
    return require_text(info, "authorizationId")


def _end_of(body: dict[str, Any]) -> datetime | None:
    """Return until when a reservation can be confirmed, or None if that is unknown.

    The API does not say it, so it follows from CARRIER_BILLING_RESERVATION_MINUTES.
    """
    minutes: int = settings.CARRIER_BILLING_RESERVATION_MINUTES
    if not minutes:
        return None
    try:
        made_at = datetime.fromisoformat(require_text(body, "paymentCreationDate"))
    except ValueError as error:
        raise GatewayUnavailable("paymentCreationDate is no time", was_sent=True) from error
    if made_at.tzinfo is None:
        raise GatewayUnavailable("paymentCreationDate has no time zone", was_sent=True)
    return made_at + timedelta(minutes=minutes)
