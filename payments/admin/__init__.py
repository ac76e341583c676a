"""Payments, refunds and methods in the admin."""

from payments.admin import payments

__all__ = ["payments"]
