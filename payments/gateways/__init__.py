"""Payment gateways behind one protocol; `settings.PAYMENT_GATEWAY` names the one in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.gateways.base import Ability, Gateway, NotOffered


# An adapter may keep connections, so each process makes one.
@cache
def gateway() -> Gateway:
    """Return the gateway that this installation charges through."""
    chosen: type[Gateway] = import_string(settings.PAYMENT_GATEWAY)
    return chosen()


def offers(ability: Ability) -> bool:
    """Return whether the gateway of this installation has declared the ability."""
    return ability in gateway().abilities


def require(ability: Ability) -> None:
    """Raise `NotOffered` unless the gateway of this installation has declared the ability."""
    if not offers(ability):
        raise NotOffered(ability)
