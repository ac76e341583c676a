"""How long the tables of orders keep their rows."""

from django.db.models import Q

from moportal.retention import Deleted, Follows, Timed, register
from orders.domain.deleting import delete_old_orders
from orders.models import (
    Declaration,
    Draft,
    Order,
    PayingCode,
    Repair,
    Return,
    SalesPause,
    StateChange,
)

register(
    Deleted(
        Order,
        "the books: orders that have ended and are settled",
        setting="BOOKS_YEARS",
        delete_batch=delete_old_orders,
    ),
    Follows(Draft, "submitted drafts", "orders.Order"),
    Timed(
        Draft,
        "open drafts that no visit has used since",
        since="visit__launched_at",
        setting="SUPPORT_DAYS",
        only=Q(submitted_at=None),
    ),
    Follows(StateChange, "an order's moves", "orders.Order"),
    Follows(Repair, "an order's repairs", "orders.Order"),
    Follows(Return, "an order's return", "orders.Order"),
    Timed(
        Declaration,
        "withdrawals and cancellations by law that are done: who declared what, and when",
        since="done_at",
        setting="DECLARATION_DAYS",
        only=Q(state="done"),
    ),
    Timed(
        PayingCode,
        "codes with which another device paid for an order",
        since="created_at",
        setting="TASK_DAYS",
    ),
    Timed(SalesPause, "pauses of sales that are over", since="ends_at", setting="DESK_LOG_DAYS"),
)
