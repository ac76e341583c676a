"""Move an order from state to state. Nothing else writes an order's state."""

from typing import Any

import structlog
from django.db import transaction

from accounts.models import User
from moportal.database.statements import compare_and_set
from orders.domain import announcing, bank_step, limits
from orders.models import Order, StateChange
from orders.states import NEXT_STATES, OrderKind, OrderState

log = structlog.get_logger(__name__)
# These orders no longer count against the limit on open and cancelled ones.
NOT_COUNTED = frozenset({OrderState.COMPLETED, OrderState.FAILED})
# An order that failed or was cancelled counts the attempts to undo it from zero.
RESET_TRIES: dict[str, Any] = {"tries": 0}


class IllegalTransition(Exception):
    """The order's state does not allow this move, or another worker moved it first."""


class CancelWon(Exception):
    """The customer cancelled before the charge was decided."""


def move(
    order: Order, new: OrderState, *, reason: str = "", actor: User | None = None, **fields: object
) -> None:
    """Move the order by compare-and-set, record the change and tell the customer.

    Raises `IllegalTransition`.
    """
    old = OrderState(order.state)
    if new not in NEXT_STATES[old]:
        raise IllegalTransition(f"{old} to {new}")
    with transaction.atomic(savepoint=False):
        is_moved = compare_and_set(Order, order.pk, {"state": old}, state=new, **fields)
        if is_moved:
            StateChange.objects.create(
                order=order, old=old, new=new, reason=reason[:200], actor=actor
            )
            announcing.tell_ended(order, new, failure=fields.get("failure"))
            if old == OrderState.PENDING:
                bank_step.close_way(order)
            if new in NOT_COUNTED and not _may_be_repeated(order, new):
                limits.forget_order(order)
    if not is_moved:
        raise IllegalTransition(f"{old} to {new}: another worker moved it")
    # refresh_from_db would cost a query and drop the related rows that are loaded already.
    for name, value in {"state": new.value, **fields}.items():
        setattr(order, name, value)
    log.info("order moved", old=old, new=new, reason=reason)


def _may_be_repeated(order: Order, new: OrderState) -> bool:
    """Return whether the order still counts: a move can be undone, and each may use up an ICCID."""
    return order.kind == OrderKind.MOVE and new == OrderState.COMPLETED
