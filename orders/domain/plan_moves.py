"""Deliver the move of a running plan: this device's SIM joins the line, the old one leaves later.

`subscriptions.domain.moves` says when the old one leaves.
"""

from datetime import datetime
from functools import partial

from orders.domain import attaching
from orders.models import Order
from outbox.domain import Lease
from payments.models import Mandate
from subscriptions.domain import moves, sharing


def prepare(order: Order, lease: Lease) -> None:
    """Make the eSIM ready, and activate the plan on it too. All of it can be undone."""
    old = order.draft.moves_from_id
    assert old is not None  # noqa: S101 -- it is only erased with the account, after the order
    put_on_line = partial(moves.prepare, old=old, reference=order.number)
    attaching.add_device(order, lease, put_on_line=put_on_line)


def deliver(order: Order, _at: datetime, _mandate: Mandate | None) -> None:
    """Begin the move. Call it in the transaction that completes the order."""
    moves.begin(order.number, waits_for_download=order.profile is not None)


def take_off(order: Order, lease: Lease) -> None:
    """Take the order's SIM off the plan's line again. The old SIM stays."""
    stay = moves.drop(order.number)
    if stay is not None:
        sharing.deactivate(stay, lease)
