"""Payment gateways behind one protocol; `settings.PAYMENT_GATEWAY` names the one in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.gateways.base import Gateway


# An adapter may keep connections, so each process makes one.
@cache
def gateway() -> Gateway:
    """Return the gateway that this installation charges through."""
    chosen: type[Gateway] = import_string(settings.PAYMENT_GATEWAY)
    return chosen()
