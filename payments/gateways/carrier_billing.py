"""The operator's bill, by CAMARA Carrier Billing and its refunds (docs/payments.md#bill).

Authorise is `preparePayment`, capture is `confirmPayment`, void is `cancelPayment`. If the operator
has sent a code to the number, `validatePayment` sends the typed code back. The token is for the
portal and not for one customer, so each request that changes something names the number.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from django.conf import settings

from moportal.money import Money
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable, WithoutMethods
from payments.gateways.camara import Answer, Operation, base_address
from payments.gateways.carrier_billing_answers import (
    REFUSAL_KINDS,
    amount_of,
    charge_of,
    charging_of,
    find_row,
    is_for,
    parse_refund,
    parse_standing,
    phone_number_of,
)
from payments.gateways.values import (
    Captured,
    Declined,
    RefundPending,
    RefundStanding,
    Standing,
    VoidedOrRefunded,
)
from payments.states import CodeVerdict, Initiator

# A search begins this much earlier than the portal's own time, because clocks differ.
CLOCK_MARGIN = timedelta(minutes=10)
ROWS_OF_A_PAGE = 100
# What the errors of `validatePayment` say about the code. ALREADY_EXISTS: it was accepted before.
VERDICTS = {
    "ALREADY_EXISTS": CodeVerdict.RIGHT,
    "INVALID_CODE": CodeVerdict.WRONG,
    # A text that cannot be a code.
    "INVALID_ARGUMENT": CodeVerdict.WRONG,
    "VALIDATION_FAILED": CodeVerdict.OVER,
    "INVALID_AUTHORIZATION_ID": CodeVerdict.OVER,
}


class CarrierBilling(WithoutMethods):
    """Charges the bill of a phone number. The token of a method is the number in E.164."""

    name = "bill"
    abilities = frozenset({Ability.BILL, Ability.CODE, Ability.PART_REFUNDS})
    # The API promises no time. After it, a search by time finds the payment.
    remembers_keys_for: timedelta | None = timedelta(hours=24)

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
        """Reserve the amount on the number's bill. A refusal with an error makes no payment."""
        transaction = {
            "phoneNumber": token,
            "clientCorrelator": key,
            "referenceCode": reference,
            "paymentAmount": {
                "chargingInformation": charging_of(amount, reference),
                "chargingMetaData": {"channel": "web"},
            },
        }
        content = {"amountTransaction": transaction}
        answer = Operation(key).post(f"{_payments()}/prepare", content)
        if answer.code in REFUSAL_KINDS:
            return Declined("", answer.code.lower(), REFUSAL_KINDS[answer.code])
        body = _require_created("prepare", answer)
        if not is_for(body, amount):
            raise GatewayUnavailable("prepare: the answer is about another amount", was_sent=True)
        return parse_standing(body)

    def fetch(self, gateway_id: str) -> Standing:
        """Return how a payment stands, and whether all of it was given back."""
        operation = Operation(str(uuid.uuid4()))
        standing = parse_standing(_payment(operation, gateway_id))
        return _less_refunds(operation, standing)

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        """Go through the payments since this time, oldest first."""
        operation, page = Operation(key), 1
        asked = {
            "paymentCreationDate.gte": (since - CLOCK_MARGIN).isoformat(),
            "order": "asc",
            "perPage": ROWS_OF_A_PAGE,
        }
        while True:
            query = urlencode({**asked, "page": page})
            rows = _require_answer("find", operation.get(f"{_payments()}?{query}"))
            found = find_row(rows, key=key, reference=reference)
            if found is not None:
                return _less_refunds(operation, parse_standing(found))
            if len(rows) < ROWS_OF_A_PAGE:
                return None
            page += 1

    def confirm_code(self, gateway_id: str, step_id: str, code: str, *, key: str) -> CodeVerdict:
        """Let the operator compare the code."""
        content = {"authorizationId": step_id, "code": code}
        answer = Operation(key).post(f"{_path(gateway_id)}/validate", content)
        if answer.status == httpx.codes.NO_CONTENT:
            return CodeVerdict.RIGHT
        if answer.code in VERDICTS:
            return VERDICTS[answer.code]
        raise GatewayUnavailable(_describe("validate", answer), was_sent=True)

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Confirm a reservation, and ask whether the operator has charged it."""
        self._end(gateway_id, "confirm", Captured, key=key)

    def void(self, gateway_id: str, *, key: str) -> None:
        """Cancel a reservation. A payment that was denied reserves nothing."""
        self._end(gateway_id, "cancel", VoidedOrRefunded | Declined, key=key)

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        """Give back the amount. For the whole charge this API has the type `total`."""
        operation = Operation(key)
        charge = charge_of(_payment(operation, gateway_id))
        rows = _refunds(operation, gateway_id)
        known = find_row(rows, key=key)
        if known is not None:
            if _amount_given_back(known, charge) != amount:
                raise GatewayRefused("refund: the key was used for another amount")
            return parse_refund(known)
        is_whole = amount == charge and all(row.get("refundStatus") == "denied" for row in rows)
        part = {} if is_whole else {"chargingInformation": charging_of(amount, gateway_id)}
        content = {
            "type": "total" if is_whole else "partial",
            "amountTransaction": {
                "clientCorrelator": key,
                "referenceCode": key,
                "refundAmount": part,
            },
        }
        answer = operation.post(_refunds_path(gateway_id), content)
        return parse_refund(_require_created("refund", answer))

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        """Search the payment's refunds for the key."""
        found = find_row(_refunds(Operation(key), gateway_id), key=key)
        return parse_refund(found) if found else None

    def _end(self, gateway_id: str, action: str, wanted: Any, *, key: str) -> None:
        """Confirm or cancel a payment, and return once it stands as wanted.

        The operator accepts the request first, and may need time to carry it out.
        """
        operation = Operation(key)
        try:
            before = _payment(operation, gateway_id)
        except _Unknown as error:
            raise GatewayRefused(f"{action}: {error}") from error
        if _is_ended(parse_standing(before), wanted, action):
            return
        content = {"phoneNumber": phone_number_of(before)}
        answer = operation.post(f"{_path(gateway_id)}/{action}", content)
        # 409 is also the answer if an earlier request has done it.
        if answer.is_error and answer.status != httpx.codes.CONFLICT:
            raise GatewayRefused(_describe(action, answer))
        if not _is_ended(parse_standing(_payment(operation, gateway_id)), wanted, action):
            raise GatewayUnavailable(f"{action}: not carried out yet", was_sent=True)


def _is_ended(standing: Standing, wanted: Any, action: str) -> bool:
    """Return whether the payment stands as wanted. Raises `GatewayRefused` for another end."""
    if isinstance(standing, wanted):
        return True
    if isinstance(standing, Captured | VoidedOrRefunded | Declined):
        raise GatewayRefused(f"{action}: the payment is {type(standing).__name__}")
    return False


class _Unknown(GatewayUnavailable):
    """The operator's billing does not know this payment."""


def _payment(operation: Operation, gateway_id: str) -> dict[str, Any]:
    answer = operation.get(_path(gateway_id))
    if answer.code == "NOT_FOUND":
        raise _Unknown(_describe("fetch", answer), was_sent=True)
    body = _require_answer("fetch", answer)
    if not isinstance(body, dict):
        raise GatewayUnavailable("fetch: no payment", was_sent=True)
    return body


def _less_refunds(operation: Operation, standing: Standing) -> Standing:
    """Return `VoidedOrRefunded` for a charge if nothing is left and no refund may still fail."""
    if not isinstance(standing, Captured) or not settings.CARRIER_BILLING_REFUND_URL:
        return standing
    left = operation.get(f"{_refunds_path(standing.gateway_id)}/remaining-amount")
    if amount_of(_require_answer("remaining amount", left)).minor_units:
        return standing
    rows = _refunds(operation, standing.gateway_id)
    if any(isinstance(parse_refund(row), RefundPending) for row in rows):
        return standing
    return VoidedOrRefunded(standing.gateway_id)


def _refunds(operation: Operation, gateway_id: str) -> list[dict[str, Any]]:
    """Return the payment's refunds. More than a page of them is no usable answer."""
    url = f"{_refunds_path(gateway_id)}?{urlencode({'perPage': ROWS_OF_A_PAGE})}"
    rows = _require_answer("refunds", operation.get(url))
    is_list = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if not is_list or len(rows) >= ROWS_OF_A_PAGE:
        raise GatewayUnavailable("refunds: no usable list", was_sent=True)
    return list(rows)


def _amount_given_back(refund: dict[str, Any], charge: Money) -> Money:
    if refund.get("type") == "total":
        return charge
    transaction = refund.get("amountTransaction")
    given = transaction.get("refundAmount") if isinstance(transaction, dict) else None
    return amount_of(given.get("chargingInformation") if isinstance(given, dict) else None)


def _require_created(action: str, answer: Answer) -> dict[str, Any]:
    """Return what was made. Raises `GatewayRefused` for an error."""
    if answer.is_error:
        raise GatewayRefused(_describe(action, answer))
    if answer.status != httpx.codes.CREATED or not isinstance(answer.body, dict):
        raise GatewayUnavailable(_describe(action, answer), was_sent=True)
    return answer.body


def _require_answer(action: str, answer: Answer) -> Any:
    """Return the body of an answer to a question. An error is no answer."""
    if answer.is_error or answer.status != httpx.codes.OK:
        raise GatewayUnavailable(_describe(action, answer), was_sent=True)
    return answer.body


def _describe(action: str, answer: Answer) -> str:
    return f"{action}: HTTP {answer.status} {answer.code}".strip()


def _payments() -> str:
    return f"{base_address('CARRIER_BILLING_URL')}/payments"


def _path(gateway_id: str) -> str:
    """Return the payment's address, whatever characters its identifier has."""
    return f"{_payments()}/{quote(gateway_id, safe='')}"


def _refunds_path(gateway_id: str) -> str:
    base = base_address("CARRIER_BILLING_REFUND_URL")
    return f"{base}/payments/{quote(gateway_id, safe='')}/refunds"
