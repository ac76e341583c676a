"""Drafts, orders, their repairs and returns, declarations, codes, and pauses of sales."""

from orders.models.declarations import Declaration
from orders.models.drafts import Draft
from orders.models.orders import KIND, Order, StateChange, new_number
from orders.models.other_devices import PayingCode
from orders.models.pauses import SalesPause
from orders.models.repairs import Repair, Return

__all__ = [
    "KIND",
    "Declaration",
    "Draft",
    "Order",
    "PayingCode",
    "Repair",
    "Return",
    "SalesPause",
    "StateChange",
    "new_number",
]
