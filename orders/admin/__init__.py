"""Orders, their repairs and returns, declarations, and LPA errors in the admin."""

from orders.admin import declarations, lpa_reports, orders, repairs

__all__ = ["declarations", "lpa_reports", "orders", "repairs"]
