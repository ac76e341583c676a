"""Signals for the rooms that build on the brand's pages."""

from django.dispatch import Signal

# Sent with `request` and `language` when somebody chooses a language from the menu.
language_chosen = Signal()
