"""The network side behind one protocol; `settings.NETWORK` names the adapter in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from subscriptions.networks.base import Network


def network() -> Network:
    """Return the adapter through which this installation activates and ends plans."""
    return _made(settings.NETWORK)


@cache
def _made(name: str) -> Network:
    chosen: type[Network] = import_string(name)
    return chosen()
