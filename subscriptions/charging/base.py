"""What a charging system must be able to do that usage is fetched from: go on after a cursor."""

from dataclasses import dataclass
from typing import Any, Protocol

from moportal.http_client import ServiceUnavailable

LONGEST_CURSOR = 200


class ChargingUnavailable(ServiceUnavailable):
    """No useful answer of the charging system."""


@dataclass(frozen=True)
class Page:
    """Records in the order in which they became known, as `subscriptions.records` reads them.

    `cursor` goes on after the last of them; `has_more` says that it is worth asking at once.
    """

    records: list[Any]
    cursor: str
    has_more: bool


class ChargingSystem(Protocol):
    """The system that counts. The method may raise `ChargingUnavailable`."""

    def usage(self, after: str, *, limit: int) -> Page:
        """Return what became known after this cursor, from the first record on where it is empty.

        It changes nothing, and asked again it answers no less: a record that came late to the
        charging system itself stands behind those that were given out before it.
        """
