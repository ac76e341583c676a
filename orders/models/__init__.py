"""Drafts, orders, their repairs and returns, and the codes with which another device pays."""

from orders.models.orders import (
    KIND,
    Draft,
    Order,
    Repair,
    Return,
    StateChange,
    new_number,
)
from orders.models.other_devices import PayingCode

__all__ = [
    "KIND",
    "Draft",
    "Order",
    "PayingCode",
    "Repair",
    "Return",
    "StateChange",
    "new_number",
]
