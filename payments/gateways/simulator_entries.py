"""Entries of the payment simulator and of the voucher server, parsed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from moportal.money import MINOR_UNIT_DIGITS, Money
from payments.gateways.answers import LONGEST_TEXT, require_text
from payments.gateways.base import GatewayUnavailable
from payments.gateways.entries import Entry, EntryPage
from payments.states import EntryKind

# What the database can hold, in minor units.
HIGHEST_AMOUNT = 10**15


def parse_page(body: Mapping[str, Any]) -> EntryPage:
    """Parse a page. Raises `GatewayUnavailable`."""
    rows, after = body.get("entries"), body.get("after")
    if not isinstance(rows, list) or not isinstance(after, str) or len(after) > LONGEST_TEXT:
        raise GatewayUnavailable("entries: no usable page", was_sent=True)
    return EntryPage(tuple(_parse_entry(row) for row in rows), after)


def _parse_entry(row: object) -> Entry:
    found = row if isinstance(row, dict) else {}
    currency = require_text(found, "currency")
    if currency not in MINOR_UNIT_DIGITS:
        raise GatewayUnavailable(f"entries: currency {currency!r}", was_sent=True)
    try:
        kind = EntryKind(require_text(found, "kind"))
        booked_on = date.fromisoformat(require_text(found, "booked_on"))
    except ValueError as error:
        raise GatewayUnavailable(f"entries: {error}"[:LONGEST_TEXT], was_sent=True) from error
    return Entry(
        require_text(found, "id"),
        kind,
        booked_on,
        Money(_whole_number(found.get("amount")), currency),
        fee=_whole_number(found.get("fee")),
        gateway_id=_text(found.get("payment")),
        cause_id=_text(found.get("cause")),
        reference=_text(found.get("reference")),
        payout_id=_text(found.get("payout")),
    )


def _whole_number(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > HIGHEST_AMOUNT:
        raise GatewayUnavailable("entries: an amount is no whole number", was_sent=True)
    return number


def _text(text: object) -> str:
    """Return a text that may be empty."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT or "\0" in text:
        raise GatewayUnavailable("entries: a text is not usable", was_sent=True)
    return text
