"""Payments, refunds, methods, mandates, disputes and the gateways' books in the admin."""

from payments.admin import books, disputes, fraud, mandates, payments

__all__ = ["books", "disputes", "fraud", "mandates", "payments"]
