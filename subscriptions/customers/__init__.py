"""The operator's customer system behind one protocol; `settings.CUSTOMER_SYSTEM` names it."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from subscriptions.customers.base import CustomerSystem


def customer_system() -> CustomerSystem | None:
    """Return the adapter of this installation, or None if lines cannot be linked."""
    return _made(settings.CUSTOMER_SYSTEM) if settings.CUSTOMER_SYSTEM else None


@cache
def _made(name: str) -> CustomerSystem:
    chosen: type[CustomerSystem] = import_string(name)
    return chosen()
