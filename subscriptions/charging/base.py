"""What a charging system must be able to do: return usage records after a cursor."""

from dataclasses import dataclass
from typing import Any, Protocol

from moportal.http_client import ServiceUnavailable

LONGEST_CURSOR = 200


class ChargingUnavailable(ServiceUnavailable):
    """The charging system gave no usable answer; calling again may help."""


@dataclass(frozen=True)
class Page:
    """Records in the order in which the charging system learned of them, not parsed yet.

    `cursor` stands after the last of them. With `has_more` the next page is ready.
    """

    records: list[Any]
    cursor: str
    has_more: bool


class ChargingSystem(Protocol):
    """The operator's charging system. The method may raise `ChargingUnavailable`."""

    def usage(self, after: str, *, limit: int) -> Page:
        """Return the records after this cursor. An empty cursor means from the first record on.

        The call changes nothing, and a repeated call returns at least the same
        records. A record that reaches the charging system late comes after
        those that it has returned before.
        """
