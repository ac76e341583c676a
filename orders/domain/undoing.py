"""Undo an order's effects outside. Each part is tried, whatever becomes of the others."""

from collections.abc import Callable

from moportal.http_client import ServiceUnavailable
from payments.gateways.base import GatewayRefused
from subscriptions.networks.base import NetworkRefused


def try_each(*parts: Callable[[], object]) -> list[Exception]:
    """Run every part, and return the errors of those that a service refused or did not answer.

    The parts do not depend on each other: a profile is cancelled even if the gateway does not
    return the money, and the other way round. Any other error is a bug. It is raised at once, and
    the remaining parts do not run.
    """
    errors: list[Exception] = []
    for part in parts:
        try:
            part()
        except (ServiceUnavailable, GatewayRefused, NetworkRefused) as error:
            errors.append(error)
    return errors
