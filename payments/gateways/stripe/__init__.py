"""Stripe, by its official library (docs/payments.md#stripe)."""

from payments.gateways.stripe.adapter import StripeGateway

__all__ = ["StripeGateway"]
