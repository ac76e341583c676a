"""Errors in CAMARA's form, and the values that a request must have."""

import re
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from simulators.http import Answer, HttpRefusal, Request, json_answer
from simulators.messages.camara import CORRELATOR, PHONE_NUMBER

PAYMENTS, REFUNDS = "CARRIER_BILLING", "CARRIER_BILLING_REFUND"
CURRENCY = re.compile(r"[A-Z]{3}")
# Amounts are whole thousandths in the books.
THOUSANDTHS = 1000
HIGHEST_AMOUNT = 10**12
TEXTS = {
    "INVALID_ARGUMENT": "The request is not as the API describes it.",
    "UNAUTHENTICATED": "The access token is missing or not valid.",
    "PERMISSION_DENIED": "The access token does not allow this.",
    "NOT_FOUND": "There is no such payment or refund.",
    "IDENTIFIER_NOT_FOUND": "This phone number is not known here.",
    "ALREADY_EXISTS": "This was done before.",
    "MISSING_IDENTIFIER": "The request must name a phone number.",
    "SERVICE_NOT_APPLICABLE": "This phone number has no bill that could be charged.",
    "PAYMENT_DENIED": "The payment is not allowed.",
    "UNAUTHORIZED_AMOUNT": "The amount is more than is allowed.",
    "AMOUNT_THRESHOLD_OVERPASSED": "With this, the payments are over the limit.",
    "USER_AMOUNT_THRESHOLD_OVERPASSED": "With this, the payments are over the number's limit.",
    "PAYMENT_CONFIRMED": "The payment is confirmed already.",
    "PAYMENT_CANCELLED": "The payment is cancelled already.",
    "INVALID_CODE": "This is not the code that was sent.",
    "VALIDATION_FAILED": "A wrong code was sent too often.",
    "INVALID_AUTHORIZATION_ID": "There is no such authorisation.",
    "INVALID_DATE_RANGE": "The range ends before it begins.",
    "INVALID_PAYMENT_STATUS": "Only a charge can be refunded.",
    "REFUND_DENIED": "The refund is not allowed.",
}
OWN = frozenset(
    {
        *("PAYMENT_DENIED", "UNAUTHORIZED_AMOUNT", "AMOUNT_THRESHOLD_OVERPASSED"),
        *("USER_AMOUNT_THRESHOLD_OVERPASSED", "PAYMENT_CONFIRMED", "PAYMENT_CANCELLED"),
        *("INVALID_CODE", "VALIDATION_FAILED", "INVALID_AUTHORIZATION_ID", "INVALID_DATE_RANGE"),
        *("INVALID_PAYMENT_STATUS", "REFUND_DENIED"),
    }
)


class BillingRefusal(Exception):
    """A request that is answered with an error and changes nothing."""

    def __init__(self, status: HTTPStatus, code: str, api: str = PAYMENTS) -> None:
        super().__init__(code)
        self.status, self.code, self.api = status, code, api

    def answer(self) -> Answer:
        """Return the error. The codes that CAMARA's APIs share have no prefix."""
        code = f"{self.api}.{self.code}" if self.code in OWN else self.code
        body = {"status": self.status, "code": code, "message": TEXTS[self.code]}
        return json_answer(body, self.status)


def invalid() -> BillingRefusal:
    return BillingRefusal(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT")


def check_caller(request: Request, token: str) -> None:
    """Raise `BillingRefusal` for a wrong token or correlator."""
    if token and request.headers.get("authorization") != f"Bearer {token}":
        raise BillingRefusal(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED")
    if not CORRELATOR.fullmatch(request.headers.get("x-correlator", "")):
        raise invalid()


def parse_body(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except HttpRefusal as error:
        raise invalid() from error
    if not body:
        raise invalid()
    return body


def require_object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise invalid()
    return value


def require_text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid()
    return value


def require_number(body: dict[str, Any]) -> str:
    """Return the phone number. A request must have it, because the portal's token names none.

    Raises `BillingRefusal` with 422 if it is missing.
    """
    number = body.get("phoneNumber")
    if number is None:
        raise BillingRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "MISSING_IDENTIFIER")
    if not isinstance(number, str) or not PHONE_NUMBER.fullmatch(number):
        raise invalid()
    return number


def parse_charging(charging: dict[str, Any]) -> dict[str, Any]:
    """Return the amount in thousandths, its currency, its text, and whether tax is in it."""
    currency, is_taxed = charging.get("currency"), charging.get("isTaxIncluded", False)
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        raise invalid()
    if not isinstance(is_taxed, bool):
        raise invalid()
    return {
        "amount": _parse_amount(charging.get("amount")),
        "currency": currency,
        "description": require_text(charging, "description"),
        "isTaxIncluded": is_taxed,
    }


def _parse_amount(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid()
    thousandths = Decimal(str(value)) * THOUSANDTHS
    if not thousandths.is_finite() or thousandths != thousandths.to_integral_value():
        raise invalid()
    if not 0 < thousandths < HIGHEST_AMOUNT:
        raise invalid()
    return int(thousandths)


def charging_answer(charging: dict[str, Any]) -> dict[str, Any]:
    """Return a charge as the API shows it: the amount as a decimal number."""
    return {**charging, "amount": charging["amount"] / THOUSANDTHS}
