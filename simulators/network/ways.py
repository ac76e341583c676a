"""Ways out of the walled garden: each lets one SIM reach any host for some minutes and bytes."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from simulators.http import HttpRefusal
from simulators.network.books import Books

MEGABYTE = 10**6
Said = tuple[HTTPStatus, dict[str, Any]]


@dataclass(frozen=True)
class Ways:
    """The rules of ways out. Callers hold a transaction of the books."""

    books: Books

    def open(self, iccid: str, sequence: int, minutes: int, megabytes: int) -> Said:
        """Open a way. A repeated call does not make it longer, and a closed way stays closed."""
        known = self.books.find_way(iccid)
        if sequence <= known["closed"]:
            return HTTPStatus.CONFLICT, {"error": "closed"}
        if sequence > known["sequence"]:
            ends, left = time.time() + 60 * minutes, megabytes * MEGABYTE
            self.books.store_way({**known, "sequence": sequence, "ends": ends, "bytesLeft": left})
        return HTTPStatus.OK, self.show(iccid)

    def close(self, iccid: str, sequence: int) -> Said:
        """Close this way and all older ones. A newer one stays open."""
        known = self.books.find_way(iccid)
        self.books.store_way({**known, "closed": max(known["closed"], sequence)})
        return HTTPStatus.OK, {"iccid": iccid, "sequence": sequence, "state": "closed"}

    def show(self, iccid: str) -> dict[str, Any]:
        way = self.books.find_way(iccid)
        is_open = (
            way["sequence"] > way["closed"] and way["ends"] > time.time() and way["bytesLeft"] > 0
        )
        return {
            "iccid": iccid,
            "sequence": way["sequence"],
            "state": "open" if is_open else "closed",
            "seconds": max(0, round(way["ends"] - time.time())) if is_open else 0,
            "bytesLeft": way["bytesLeft"] if is_open else 0,
        }

    def count(self, iccid: str, used: int) -> dict[str, Any]:
        """Take bytes off the SIM's way. It is over when none are left."""
        way = self.books.find_way(iccid)
        self.books.store_way({**way, "bytesLeft": max(0, way["bytesLeft"] - used)})
        return self.show(iccid)


def parse_opening(body: dict[str, Any]) -> tuple[int, int]:
    """Return the minutes and megabytes of a way. Raises `HttpRefusal`."""
    return _parse_count(body, "minutes"), _parse_count(body, "megabytes")


def parse_traffic(body: dict[str, Any]) -> int:
    """Return the bytes that a SIM has used. Raises `HttpRefusal`."""
    return _parse_count(body, "bytes")


def _parse_count(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or value <= 0:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, f"invalid_{name}")
    return value
