"""The operator's voucher server: HTTP calls in the voucher simulator's protocol.

Authorise is reserve, capture is redeem, void is cancel, and a refund goes back onto the voucher
(docs/decisions/013-a-voucher-is-a-payment-method.md).
"""

import re
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from django.conf import settings

from moportal.http_client import check_address, exchange_json
from moportal.money import Money
from payments.gateways.answers import parse_moment, require_text
from payments.gateways.base import (
    Ability,
    GatewayRefused,
    GatewayUnavailable,
    WithoutCode,
    WithoutMethods,
)
from payments.gateways.entries import EntryPage
from payments.gateways.simulator_entries import parse_page
from payments.gateways.values import (
    Authorised,
    Captured,
    Declined,
    Refunded,
    RefundFailed,
    RefundPending,
    RefundStanding,
    Standing,
    VoidedOrRefunded,
)
from payments.states import Initiator, RefusalKind

# The protocol's words for states, reasons and errors. No code looks like that.
WORD = re.compile(r"[a-z_]{1,40}")
# The server's own error for an unknown reservation. Any other 404 is a wrong address.
NOT_FOUND_ERRORS = frozenset({"unknown_reservation"})
# What a refusal means for the code. Any other reason counts as *perhaps later*, so that it does not
# end the code.
KINDS = {
    "unknown_code": RefusalKind.FINAL,
    "blocked": RefusalKind.FINAL,
    "expired": RefusalKind.FINAL,
    "used_up": RefusalKind.FINAL,
    "too_small": RefusalKind.CUSTOMER,
    "other_currency": RefusalKind.CUSTOMER,
    "in_use": RefusalKind.LATER,
}


class VoucherServer(WithoutMethods, WithoutCode):
    """Speaks the voucher server's JSON protocol (`python -m simulators.vouchers --help`)."""

    name = "vouchers"
    abilities = frozenset({Ability.VOUCHERS, Ability.PART_REFUNDS, Ability.BOOKS})
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
        """Reserve the amount. The token is the voucher's code, which the customer has typed."""
        content = {
            "code": token,
            "amount": amount.minor_units,
            "currency": amount.currency,
            "reference": reference,
        }
        return _parse_standing(self._post("reserve", "/reservations", content, key=key))

    def fetch(self, gateway_id: str) -> Standing:
        """Return how a reservation stands."""
        return _parse_standing(self._get("fetch", _path(gateway_id)))

    def capture(self, gateway_id: str, *, key: str) -> None:
        """Redeem what was reserved."""
        self._act("redeem", gateway_id, "redeemed", key=key)

    def void(self, gateway_id: str, *, key: str) -> None:
        """Cancel a reservation."""
        self._act("cancel", gateway_id, "cancelled", key=key)

    def find(self, *, reference: str, key: str, since: datetime) -> Standing | None:
        """Search for a reservation by its key. The server needs no reference for that."""
        found = self._search("/reservations", key, "reservations")
        return _parse_standing(found) if found else None

    def refund(self, gateway_id: str, amount: Money, *, key: str) -> RefundStanding:
        """Put the amount back onto the voucher."""
        content = {"amount": amount.minor_units}
        body = self._post("return", f"{_path(gateway_id)}/returns", content, key=key)
        return _parse_return(body.get("return"))

    def find_refund(self, gateway_id: str, *, key: str) -> RefundStanding | None:
        """Search for a return by its key."""
        found = self._search(f"{_path(gateway_id)}/returns", key, "returns")
        return _parse_return(found) if found else None

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """Return what was redeemed and given back on this day in UTC."""
        query = urlencode({"day": day.isoformat(), "after": after})
        return parse_page(self._get("entries", f"/entries?{query}"))

    def _act(self, action: str, gateway_id: str, wanted: str, *, key: str) -> None:
        """Redeem or cancel. Any other status than the wanted one is no answer."""
        body = self._post(action, f"{_path(gateway_id)}/{action}", {}, key=key)
        if body.get("status") != wanted:
            detail = f"{action}: status {_word(body.get('status'))!r}"
            raise GatewayUnavailable(detail, was_sent=True)

    def _search(self, path: str, key: str, name: str) -> dict[str, Any] | None:
        """Return the one row with this key, or None. Several rows are no usable answer."""
        rows = self._get("find", f"{path}?{urlencode({'key': key})}").get(name)
        if not isinstance(rows, list) or rows[1:] or not all(isinstance(row, dict) for row in rows):
            raise GatewayUnavailable(f"find: no usable {name}", was_sent=True)
        return dict(rows[0]) if rows else None

    def _post(
        self, operation: str, path: str, content: dict[str, Any], *, key: str
    ) -> dict[str, Any]:
        """Make one call that changes something. Raises `GatewayRefused` for a client error."""
        status, body = self._exchange("POST", path, content=content, key=key)
        if httpx.codes.is_client_error(status):
            raise GatewayRefused(_describe(operation, status, body))
        return body

    def _get(self, operation: str, path: str) -> dict[str, Any]:
        """Ask, and change nothing. A refusal to answer is no answer."""
        status, body = self._exchange("GET", path)
        if httpx.codes.is_client_error(status):
            raise GatewayUnavailable(_describe(operation, status, body), was_sent=True)
        return body

    def _exchange(
        self, method: str, path: str, *, key: str = "", content: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        address = check_address(settings.VOUCHER_SERVER_URL, name="VOUCHER_SERVER_URL")
        headers = {"Idempotency-Key": key} if key else {}
        if settings.VOUCHER_SERVER_TOKEN:
            headers["Authorization"] = f"Bearer {settings.VOUCHER_SERVER_TOKEN}"
        return exchange_json(
            method,
            address + path,
            within=settings.OUTSIDE_CALL_TIMEOUT,
            unavailable=GatewayUnavailable,
            content=content,
            headers=headers,
            not_found_errors=NOT_FOUND_ERRORS,
        )


def _parse_standing(body: dict[str, Any]) -> Standing:
    """Parse how a reservation stands. Raises `GatewayUnavailable` for an unknown status."""
    gateway_id, status = require_text(body, "id"), require_text(body, "status")
    match status:
        case "reserved":
            return Authorised(gateway_id, parse_moment(body.get("expires_at")))
        case "refused":
            reason = _word(body.get("reason"))
            return Declined(gateway_id, reason, KINDS.get(reason, RefusalKind.LATER))
        case "redeemed":
            return Captured(gateway_id)
        case "cancelled" | "returned":
            return VoidedOrRefunded(gateway_id)
    raise GatewayUnavailable(f"status of a reservation {_word(status)!r}", was_sent=True)


def _parse_return(body: object) -> RefundStanding:
    """Parse how a return stands. Raises `GatewayUnavailable` for an unknown status."""
    made = body if isinstance(body, dict) else {}
    refund_id, status = require_text(made, "id"), require_text(made, "status")
    match status:
        case "done":
            return Refunded(refund_id)
        case "pending":
            return RefundPending(refund_id)
        case "failed":
            return RefundFailed(refund_id, _word(made.get("reason")))
    raise GatewayUnavailable(f"status of a return {_word(status)!r}", was_sent=True)


def _describe(operation: str, status: int, body: dict[str, Any]) -> str:
    return f"{operation}: HTTP {status}, {_word(body.get('error'))!r}"


def _word(text: object) -> str:
    """Return a word of the protocol. Any other text may contain the code, so it is dropped."""
    return text if isinstance(text, str) and WORD.fullmatch(text) else "other"


def _path(gateway_id: str) -> str:
    """Return the reservation's path, whatever characters its identifier has."""
    return f"/reservations/{quote(gateway_id, safe='')}"
