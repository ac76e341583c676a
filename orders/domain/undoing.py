"""Undo an order's effects outside. Each part is tried, whatever becomes of the others."""

from collections.abc import Callable

from moportal.http_client import ServiceUnavailable
from payments.gateways.base import GatewayRefused
from subscriptions.networks.base import NetworkRefused


def try_each(*parts: Callable[[], object]) -> list[Exception]:
    """Run every part and return the errors of those that a service did not carry out.

    A profile that nobody pays for is cancelled even if the gateway keeps the money, and the other
    way round. An error that is no service's answer stops the rest: it is raised.
    """
    errors: list[Exception] = []
    for part in parts:
        try:
            part()
        except (ServiceUnavailable, GatewayRefused, NetworkRefused) as error:
            errors.append(error)
    return errors
