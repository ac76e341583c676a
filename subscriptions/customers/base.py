"""What the operator's customer system must be able to do: find a line, and change it on request.

It keeps the lines that customers had before the portal, or have beside it, with their SIMs, plans
and balances. It also bills them (docs/customer-system.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from moportal.http_client import ServiceUnavailable


class CustomerSystemUnavailable(ServiceUnavailable):
    """The customer system gave no usable answer; asking again may help."""


class Reason(StrEnum):
    """Why the customer system refuses. Any reason that is not listed is read as REFUSED."""

    UNKNOWN = "unknown_line"
    # A holder has locked the line against attach and move.
    LOCKED = "locked"
    NOT_OFFERED = "not_offered"
    REFUSED = "refused"


class CustomerSystemRefused(Exception):
    """The customer system refuses; asking again cannot help."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Operation(StrEnum):
    """What the customer system is asked to do. FIND and BALANCE change nothing there."""

    # By the number, by the code from the bill, or by both.
    FIND = "find"
    # What is on the line, and what is left of it.
    BALANCE = "balance"
    # Whether the SIM may come onto the line. Nothing changes.
    MAY_ATTACH = "may-attach"
    ATTACH = "attach"
    DETACH = "detach"
    # Cancel a plan at the end of its period, take that back, or change to another plan.
    CANCEL = "cancel"
    UNDO = "undo"
    CHANGE = "change"


@dataclass(frozen=True)
class LineRequest:
    """One request. If it is repeated with the same key, it takes effect once.

    Every operation but FIND names the line by its reference. Fields that it does not use are empty.
    """

    operation: Operation
    key: str
    number: str = ""  # E.164
    bill_code: str = ""
    line: str = ""
    iccid: str = ""
    plan: str = ""
    new_plan: str = ""


@dataclass(frozen=True)
class Pending:
    """Accepted, but not done yet: ask again with the same key after this delay."""

    delay: timedelta


@dataclass(frozen=True)
class PlanOnLine:
    """A plan with its data. `total_bytes` is None if the data is not counted."""

    reference: str
    name: str
    starts_at: datetime
    # The end of the current period.
    ends_at: datetime
    total_bytes: int | None
    left_bytes: int
    countries: tuple[str, ...]


@dataclass(frozen=True)
class LineOnRecord:
    """A line as the customer system keeps it, after the request has taken effect."""

    reference: str
    number: str
    is_locked: bool
    # When the line last got another SIM, if that is known.
    sim_changed_at: datetime | None
    iccids: tuple[str, ...]
    plans: tuple[PlanOnLine, ...]
    # Whether the bill code of a FIND is this line's. False if none was sent.
    is_bill_code_right: bool = False
    # Whether the operator has identified the holder as the law asks. None if it does not say.
    is_holder_identified: bool | None = None


class CustomerSystem(Protocol):
    """The operator's customer system."""

    @property
    def offered(self) -> Collection[Operation]:
        """Return what this operator offers. FIND and BALANCE must be among it."""

    def carry_out(self, request: LineRequest) -> LineOnRecord | Pending:
        """Carry out a request, and return the line as it is then.

        Raises `CustomerSystemRefused` or `CustomerSystemUnavailable`.
        """
