"""The charging system behind one protocol; `settings.CHARGING` names the adapter, or none."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from subscriptions.charging.base import ChargingSystem


def charging_system() -> ChargingSystem | None:
    """Return the adapter through which this installation fetches usage, or None."""
    return _made(settings.CHARGING) if settings.CHARGING else None


@cache
def _made(name: str) -> ChargingSystem:
    chosen: type[ChargingSystem] = import_string(name)
    return chosen()
