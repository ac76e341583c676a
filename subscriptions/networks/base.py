"""What the network side must be able to do with plans, and with ways out.

An eSIM must be warm: its plan is active before the activation code is handed over
(docs/contract.md#profile). A plan is active on one or more SIMs, which share it. All operations can
be repeated, and calls may arrive in any order: each call carries a higher number than the one
before, and a plan that was ended stays ended. A plan that renews is served until a time. While it
is suspended, it is off on all its SIMs.

A way out lets a SIM without a plan reach any host for some minutes, because a bank's page may be
anywhere. A SIM has at most one way out. Each new one has a higher number than the one before: a way
out that was closed stays closed, and a call about an older one does not change a newer one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from moportal.http_client import ServiceUnavailable


class NetworkUnavailable(ServiceUnavailable):
    """The network gave no usable answer; calling again may help."""


class NetworkRefused(Exception):
    """The network refuses; calling again cannot help."""


@dataclass(frozen=True)
class Service:
    """A plan to activate on a SIM, beside its other SIMs.

    IMSI and MSISDN are empty if they are not known. Of two calls about the same reference and the
    same SIM the higher `sequence` wins, in whichever order they arrive.
    """

    reference: str
    sequence: int
    plan: str
    iccid: str
    imsi: str
    msisdn: str


@dataclass(frozen=True)
class Opening:
    """A way out to open for a SIM. IMSI and MSISDN are empty if they are not known.

    It lapses by itself after the minutes, or when the megabytes are used up. Repeating a call does
    not make it longer. 1 MB is 10^6 bytes.
    """

    sequence: int
    iccid: str
    imsi: str
    msisdn: str
    minutes: int
    megabytes: int


class Network(Protocol):
    """The operator's back end. Each method may raise `NetworkUnavailable` or `NetworkRefused`."""

    def activate(self, service: Service) -> None:
        """Activate the plan on the SIM, and return once the SIM can use it."""

    def deactivate(self, reference: str, iccid: str, *, sequence: int) -> None:
        """Stop the plan on this SIM. The plan's other SIMs keep it.

        This includes a SIM on which the plan was never active.
        """

    def end(self, reference: str) -> None:
        """End the plan on all its SIMs for good: it can never be activated again.

        This includes a plan that was never activated. An activation that
        arrives later then has no effect.
        """

    def renew(
        self, reference: str, *, sequence: int, period: int, until: datetime, plan: str
    ) -> None:
        """Serve this plan until this time. `period` is the number of the period that is paid.

        A later call may name an earlier time, because a customer has cancelled, and another plan,
        because a customer has changed it.
        """

    def suspend(self, reference: str, *, sequence: int) -> None:
        """Switch the plan off on all its SIMs, until it is resumed."""

    def resume(self, reference: str, *, sequence: int) -> None:
        """Switch a suspended plan on again."""

    def open_way(self, opening: Opening) -> None:
        """Let the SIM reach any host, and return once it can.

        Raises `NetworkRefused` if this network opens no way, or not for this SIM.
        """

    def close_way(self, iccid: str, *, sequence: int) -> None:
        """Close the SIM's way with this number, and all older ones, for good.

        This includes a way that was never opened, or has lapsed. A newer one stays open.
        """
