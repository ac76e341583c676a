"""The desk's pages of lines, plans, usage and prices."""

from subscriptions.admin import lines, prices

__all__ = ["lines", "prices"]
