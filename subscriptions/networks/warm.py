"""For an operator whose SIMs are live in the network from the factory on."""

from subscriptions.networks.base import Service


class AlwaysWarm:
    """Nothing is to be switched on, and what a plan allows the charging system knows itself."""

    def activate(self, service: Service) -> None:
        """Do nothing: it is live."""

    def end(self, reference: str) -> None:
        """Do nothing: the balance alone says what may be used."""
