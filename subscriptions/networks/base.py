"""What the network side must be able to do: activate a plan for a SIM, and end it.

An eSIM must be warm: its plan is active before the activation code is handed over
(docs/contract.md#profile). Both operations can be repeated, and neither depends on when a call
arrives: an activation carries a growing number, and a plan that was ended stays ended.
"""

from dataclasses import dataclass
from typing import Protocol

from moportal.http_client import ServiceUnavailable


class NetworkUnavailable(ServiceUnavailable):
    """No useful answer of the network."""


class NetworkRefused(Exception):
    """The network will not do it: asking again cannot help."""


@dataclass(frozen=True)
class Service:
    """What is to be live: a plan on a SIM. IMSI and MSISDN are empty where they are not known.

    Of two activations of one reference that with the higher `sequence` counts, however late the
    other one arrives.
    """

    reference: str
    sequence: int
    plan: str
    iccid: str
    imsi: str
    msisdn: str


class Network(Protocol):
    """The operator's back end. Each method may raise `NetworkUnavailable` or `NetworkRefused`."""

    def activate(self, service: Service) -> None:
        """Let the SIM use its plan; returns when it can."""

    def end(self, reference: str) -> None:
        """Stop what was activated under this reference, for good: it can never be live again.

        One that was never activated is ended too, so that an activation under way comes too late.
        """
