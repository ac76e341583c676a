"""Payment gateways behind one protocol. `settings.PAYMENT_GATEWAY` lists those in use.

A stored method and all its payments belong to one gateway for ever, because their ids mean nothing
to another gateway. A gateway that takes no new payments stays listed while its payments may have
to be refunded.
"""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.gateways.base import Ability, Gateway, GatewayUnavailable, NotOffered


def gateways() -> dict[str, Gateway]:
    """Return all gateways in use by their names, in the order of PAYMENT_GATEWAY."""
    return _make_gateways(tuple(settings.PAYMENT_GATEWAY))


# An adapter may keep connections, so each process makes one instance of it.
@cache
def _make_gateways(paths: tuple[str, ...]) -> dict[str, Gateway]:
    adapters: list[type[Gateway]] = [import_string(path) for path in paths]
    return {adapter.name: adapter() for adapter in adapters}


def gateway(name: str) -> Gateway:
    """Return the gateway with this name.

    Raises `GatewayUnavailable` if PAYMENT_GATEWAY does not list it. So its payments and refunds
    wait until it is listed again.
    """
    try:
        return gateways()[name]
    except KeyError:
        problem = f"PAYMENT_GATEWAY lists no gateway with the name {name!r}"
        raise GatewayUnavailable(problem, was_sent=False, is_setting=True) from None


def offers(name: str, ability: Ability) -> bool:
    """Return whether the gateway with this name has declared the ability."""
    return name in gateways() and ability in gateways()[name].abilities


def offered_in(market: str) -> list[str]:
    """Return the names of this market's gateways for new payments, in the market's order.

    Without a market, this is the list for all markets that have no list of their own.
    """
    listed = settings.PAYMENT_OFFERED_BY_MARKET.get(market) or settings.PAYMENT_OFFERED
    return [name for name in listed or gateways() if name in gateways()]


def offered_anywhere() -> set[str]:
    """Return the names of the gateways that take new payments in any market."""
    markets = ["", *settings.PAYMENT_OFFERED_BY_MARKET]
    return {name for market in markets for name in offered_in(market)}


def is_offered_in(ability: Ability, market: str, *, renews: bool = False) -> bool:
    """Return whether a gateway of this market has the ability.

    If what is sold `renews`, it must also take charges without the customer.
    """
    return _find_gateway(ability, market, renews=renews) is not None


def choose_gateway(ability: Ability, market: str, *, renews: bool = False) -> str:
    """Return the name of the market's first gateway with the ability, or raise `NotOffered`.

    If what is sold `renews`, it must also take charges without the customer.
    """
    name = _find_gateway(ability, market, renews=renews)
    if name is None:
        raise NotOffered(ability)
    return name


def _find_gateway(ability: Ability, market: str, *, renews: bool) -> str | None:
    wanted = {ability, Ability.OFF_SESSION} if renews else {ability}
    found = (name for name in offered_in(market) if all(offers(name, one) for one in wanted))
    return next(found, None)
