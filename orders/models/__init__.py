"""Drafts, orders, their repairs and returns, declarations, and codes for other devices."""

from orders.models.declarations import Declaration
from orders.models.drafts import Draft
from orders.models.orders import KIND, Order, StateChange, new_number
from orders.models.other_devices import PayingCode
from orders.models.repairs import Repair, Return

__all__ = [
    "KIND",
    "Declaration",
    "Draft",
    "Order",
    "PayingCode",
    "Repair",
    "Return",
    "StateChange",
    "new_number",
]
