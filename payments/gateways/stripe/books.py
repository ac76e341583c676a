"""Stripe's books: its balance transactions of a day in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from moportal.money import MINOR_UNIT_DIGITS
from payments.gateways.answers import LONGEST_TEXT, parse_moment, require_text
from payments.gateways.base import GatewayUnavailable
from payments.gateways.entries import Entry, EntryPage
from payments.gateways.stripe.amounts import from_stripe
from payments.gateways.stripe.client import ask, client
from payments.states import EntryKind

PAGE = 100
KINDS = {
    "charge": EntryKind.CHARGE,
    "payment": EntryKind.CHARGE,
    "refund": EntryKind.REFUND,
    "payment_refund": EntryKind.REFUND,
    "refund_failure": EntryKind.REFUND,
    "payment_failure_refund": EntryKind.REFUND,
    "payout": EntryKind.PAYOUT,
    "payout_cancel": EntryKind.PAYOUT,
    "payout_failure": EntryKind.PAYOUT,
}
DISPUTE = "dispute"


class StripeBooks:
    """The part of the adapter that lists the books."""

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """Return what was booked on this day in UTC, newest first."""
        begin = datetime.combine(day, time(), tzinfo=UTC)
        until = begin + timedelta(days=1)
        parameters: Any = {
            "created": {"gte": int(begin.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE,
            "expand": ["data.source"],
            **({"starting_after": after} if after else {}),
        }
        body = ask("entries", lambda: client().v1.balance_transactions.list(parameters))
        rows = body.get("data")
        if not isinstance(rows, list):
            raise GatewayUnavailable("entries: no usable list", was_sent=True)
        entries = tuple(_parse(row) for row in rows)
        return EntryPage(entries, entries[-1].entry_id if body.get("has_more") and entries else "")


def _parse(row: dict[str, Any]) -> Entry:
    """Parse a balance transaction. Raises `GatewayUnavailable` for what cannot be read."""
    currency, amount, fee = str(row.get("currency")).upper(), row.get("amount"), row.get("fee", 0)
    created = parse_moment(row.get("created"))
    is_amount = isinstance(amount, int) and isinstance(fee, int)
    if currency not in MINOR_UNIT_DIGITS or not is_amount or created is None:
        raise GatewayUnavailable("entries: a row has no usable amount", was_sent=True)
    found = row.get("source")
    source = found if isinstance(found, dict) else {}
    kind = KINDS.get(str(row.get("type")), EntryKind.FEE)
    if source.get("object") == DISPUTE:
        kind = EntryKind.DISPUTE
    source_id = str(source.get("id") or "")[:LONGEST_TEXT]
    return Entry(
        entry_id=require_text(row, "id"),
        kind=kind,
        booked_on=created.date(),
        amount=from_stripe(int(amount or 0), currency),
        fee=from_stripe(int(fee), currency).minor_units,
        gateway_id=str(source.get("payment_intent") or "")[:LONGEST_TEXT],
        cause_id=source_id if kind in {EntryKind.REFUND, EntryKind.DISPUTE} else "",
        reference=str((source.get("metadata") or {}).get("reference") or "")[:LONGEST_TEXT],
        # Stripe tells which entries a payout pays only by a list for each payout.
        payout_id="",
    )
