"""Payments, refunds, methods and disputes in the admin."""

from payments.admin import disputes, payments

__all__ = ["disputes", "payments"]
