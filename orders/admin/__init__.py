"""Orders, their repairs and returns, declarations, LPA errors and pauses of sales in the admin."""

from orders.admin import declarations, lpa_reports, orders, pauses, repairs

__all__ = ["declarations", "lpa_reports", "orders", "pauses", "repairs"]
