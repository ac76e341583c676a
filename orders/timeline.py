"""An order's timeline: a query over what was stored anyway, not a second copy of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from orders.models import Order


class Entry(NamedTuple):
    """Something that happened, when, and in which of the houses involved."""

    at: datetime
    where: str
    what: str


def timeline(order: Order) -> list[Entry]:
    """Return everything that is known of the order, oldest first."""
    return sorted(_entries(order), key=lambda entry: entry.at)


def _entries(order: Order) -> Iterator[Entry]:
    yield Entry(order.visit.launched_at, "visit", f"launched, {order.visit.transaction_id}")
    yield Entry(order.created_at, "order", "submitted")
    for change in order.changes.all():
        reason = f" ({change.reason})" if change.reason else ""
        yield Entry(change.at, "order", f"{change.old} to {change.new}{reason}")
    for call in order.payment.calls.all():
        yield Entry(call.sent_at, "gateway", f"{call.operation}: {call.outcome} {call.detail}")
    yield from _profile_entries(order)
    for handoff in order.visit.handoffs.all():
        yield Entry(handoff.created_at, "handoff", f"{handoff.mo_direct_status}")


def _profile_entries(order: Order) -> Iterator[Entry]:
    if order.profile is None:
        return
    for call in order.profile.calls.all():
        codes = f" {call.subject_code}/{call.reason_code}" if call.reason_code else ""
        yield Entry(call.sent_at, "SM-DP+", f"{call.function}: {call.outcome}{codes}")
    for progress in order.profile.progress.all():
        what = f"download progress, point {progress.point}: {progress.status}"
        yield Entry(progress.received_at, "device", what)
