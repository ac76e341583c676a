"""What is asked about a SIM, by which rules, and what was found."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from moportal.identifiers import Country, Iccid
from subscriptions.balances import Held

# A caller that was quiet may ask this long's worth of questions at once.
BURST = timedelta(seconds=1)


class TooOften(Exception):
    """The caller is over its limit; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Over the limit for {retry_after} s.")
        self.retry_after = retry_after


class Repeated(Exception):
    """The caller used this transaction id before, in a request that was answered."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose question it is, about which SIM and where. An empty transaction id is none.

    `iccid` is None where what was sent is no ICCID: nobody knows such a SIM.
    """

    caller: str
    transaction_id: str
    iccid: Iccid | None
    location: Country | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """How fast a caller may ask, and for how long a transaction id is spent; None: no such rule."""

    step: timedelta | None
    window: timedelta | None

    @property
    def reach(self) -> timedelta:
        """Return how far ahead of the clock a caller can come, with a second for its unevenness.

        What is further ahead was written by a clock that ran fast, and locks nobody out.
        """
        return BURST + (self.step or timedelta()) + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found. `is_in_programme` is None where the SIM is not known."""

    is_admitted: bool
    is_new: bool
    is_in_programme: bool | None
    held: tuple[Held, ...] = ()
