"""Payments, refunds, methods, mandates and disputes in the admin."""

from payments.admin import disputes, mandates, payments

__all__ = ["disputes", "mandates", "payments"]
