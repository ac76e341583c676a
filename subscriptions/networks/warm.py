"""The adapter for an operator whose SIMs are active in the network from the factory on."""

from datetime import datetime

from subscriptions.networks.base import NetworkRefused, Opening, Service


class AlwaysWarm:
    """Does nothing. The operator's charging system itself knows what each plan allows."""

    def activate(self, service: Service) -> None:
        """Do nothing: the SIM is active already."""

    def deactivate(self, reference: str, iccid: str, *, sequence: int) -> None:
        """Do nothing: a SIM that has left its line has no balance there."""

    def end(self, reference: str) -> None:
        """Do nothing: the balance alone limits what the SIM can use."""

    def renew(
        self, reference: str, *, sequence: int, period: int, until: datetime, plan: str
    ) -> None:
        """Do nothing: the balance alone limits what the SIM can use."""

    def suspend(self, reference: str, *, sequence: int) -> None:
        """Do nothing: without a balance the SIM can use nothing."""

    def resume(self, reference: str, *, sequence: int) -> None:
        """Do nothing, likewise."""

    def open_way(self, opening: Opening) -> None:
        """Raise `NetworkRefused`: nothing here can open a way."""
        raise NetworkRefused("this network opens no way out")

    def close_way(self, iccid: str, *, sequence: int) -> None:
        """Do nothing: no way was opened."""
