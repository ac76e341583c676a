"""The network of a run: every SIM is active already, but it refuses the plan for some."""

from subscriptions.networks.base import NetworkRefused, Service
from subscriptions.networks.warm import AlwaysWarm

REFUSED_PREFIX = "8944122"


class RefusingNetwork(AlwaysWarm):
    """Refuses each SIM whose ICCID begins with `REFUSED_PREFIX`."""

    def activate(self, service: Service) -> None:
        """Raise `NetworkRefused` for such a SIM."""
        if service.iccid.startswith(REFUSED_PREFIX):
            raise NetworkRefused("the run's network does not know this SIM")
