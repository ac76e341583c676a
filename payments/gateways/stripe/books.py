"""Stripe's books: its balance transactions of a day in UTC, and those that its payouts pay."""

from dataclasses import replace
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
DISPUTE, PAYOUTS = "dispute", "payouts"


class StripeBooks:
    """The part of the adapter that lists the books."""

    def fetch_entries(self, day: date, *, after: str) -> EntryPage:
        """Return what was booked on this day in UTC, newest first, and then what its payouts pay.

        Stripe says only by a list for each payout which entries the payout pays. So `after` is one
        of these:

        - the last entry of a page of the day;
        - `payouts/ENTRY`: the day's next payout is wanted, after the one that is booked as ENTRY;
        - `PAYOUT/ENTRY/LAST`: what this payout pays is wanted, after the entry LAST.
        """
        place, *more = after.split("/")
        if not more:
            rows, has_more = _list({**_within(day), **_starting(place)})
            entries = tuple(_parse(row) for row in rows)
            return EntryPage(entries, entries[-1].entry_id if has_more else f"{PAYOUTS}/")
        booked_as = more[0]
        if place == PAYOUTS:
            only = {"type": "payout", "limit": 1}
            rows, _has_more = _list({**_within(day), **_starting(booked_as), **only})
            entries = tuple(_parse(row) for row in rows)
            return EntryPage(entries, _next_place(entries))
        rows, has_more = _list({"payout": place, **_starting(more[1])})
        entries = tuple(replace(_parse(row), payout_id=place) for row in rows)
        last = f"{place}/{booked_as}/{entries[-1].entry_id}" if has_more else ""
        return EntryPage(entries, last or f"{PAYOUTS}/{booked_as}")


def _next_place(payouts: tuple[Entry, ...]) -> str:
    """Return where to go on after the day's next payout, or an empty text if there was none."""
    if not payouts:
        return ""
    (payout,) = payouts
    if not payout.payout_id:
        return f"{PAYOUTS}/{payout.entry_id}"
    return f"{payout.payout_id}/{payout.entry_id}/"


def _within(day: date) -> dict[str, Any]:
    begin = datetime.combine(day, time(), tzinfo=UTC)
    until = begin + timedelta(days=1)
    return {"created": {"gte": int(begin.timestamp()), "lt": int(until.timestamp())}}


def _starting(place: str) -> dict[str, str]:
    return {"starting_after": place} if place else {}


def _list(wanted: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Return balance transactions, and whether there are more of them."""
    parameters: Any = {"limit": PAGE, "expand": ["data.source"], **wanted}
    body = ask("entries", lambda: client().v1.balance_transactions.list(parameters))
    rows = body.get("data")
    if not isinstance(rows, list):
        raise GatewayUnavailable("entries: no usable list", was_sent=True)
    return rows, bool(body.get("has_more") and rows)


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
        payout_id=_payout_id(source) if row.get("type") == "payout" else "",
    )


def _payout_id(payout: dict[str, Any]) -> str:
    """Return the id of a payout whose entries Stripe lists, or an empty text for any other.

    Stripe lists none for a payout that the operator started by hand. Raises `GatewayUnavailable`
    while the list of an automatic payout is not complete.
    """
    status = payout.get("reconciliation_status")
    if payout.get("automatic") and status == "in_progress":
        raise GatewayUnavailable("entries: a payout's list is not complete yet", was_sent=True)
    return require_text(payout, "id") if payout.get("automatic") and status == "completed" else ""
