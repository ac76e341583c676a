"""Orders, their repairs and returns, and LPA errors in the admin."""

from orders.admin import lpa_reports, orders, repairs

__all__ = ["lpa_reports", "orders", "repairs"]
