"""Signals for the rooms that build on visits."""

from django.dispatch import Signal

# Sent with `account` when a customer signs in without a launch. A receiver returns the
# visit in which the customer has something unfinished, or None.
visit_wanted = Signal()
