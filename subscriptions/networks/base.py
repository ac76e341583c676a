"""What the network side must be able to do: activate a plan for a SIM, and end it.

An eSIM must be warm: its plan is active before the activation code is handed over
(docs/contract.md#profile). Both operations can be repeated, and calls may arrive
in any order: each activation carries a higher number than the one before, and a
plan that was ended stays ended.
"""

from dataclasses import dataclass
from typing import Protocol

from moportal.http_client import ServiceUnavailable


class NetworkUnavailable(ServiceUnavailable):
    """The network gave no usable answer; calling again may help."""


class NetworkRefused(Exception):
    """The network refuses; calling again cannot help."""


@dataclass(frozen=True)
class Service:
    """A plan to activate on a SIM. IMSI and MSISDN are empty if they are not known.

    If two activations have the same reference, the higher `sequence` wins,
    in whichever order they arrive.
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
        """Activate the plan on the SIM, and return once the SIM can use it."""

    def end(self, reference: str) -> None:
        """End the plan with this reference for good: it can never be activated again.

        This includes a plan that was never activated. An activation that
        arrives later then has no effect.
        """
