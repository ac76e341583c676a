"""The stock: profiles of a type, declared by ICCID or by count."""

import secrets
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from simulators.http import HttpRefusal
from simulators.smdp.books import Books, Profile
from simulators.smdp.es2plus import ICCID

PREFIX = "8988"
MOST_AT_ONCE = 100_000


def declare(books: Books, body: dict[str, Any]) -> list[str]:
    """Add profiles of a type to the stock and return their ICCIDs: all of them or none.

    Raises `HttpRefusal`: 422 for an invalid body, 409 for an
    ICCID that is already in the books.
    """
    profile_type = body.get("profileType")
    if not isinstance(profile_type, str) or not profile_type:
        raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_profileType")
    iccids = _iccids(books, body)
    with books.transaction():
        books.add_type(profile_type)
        return [_add(books, iccid, profile_type) for iccid in iccids]


def invent_iccid(books: Books) -> str:
    """Return a new ICCID of 19 digits that is not in the books."""
    while True:
        stem = f"{PREFIX}{secrets.randbelow(10**14):014}"
        iccid = stem + _check_digit(stem)
        if books.find(iccid) is None:
            return iccid


def _add(books: Books, iccid: str, profile_type: str) -> str:
    if books.find(iccid) is not None:
        raise HttpRefusal(HTTPStatus.CONFLICT, "iccid_known")
    return books.add(Profile(iccid, profile_type=profile_type)).iccid


def _iccids(books: Books, body: dict[str, Any]) -> Iterable[str]:
    if "iccids" not in body:
        count = _count(body.get("count"))
        # Lazily: each ICCID is invented after the one before it was added to the books.
        return (invent_iccid(books) for _ in range(count))
    given = body["iccids"]
    if not isinstance(given, list) or len(given) > MOST_AT_ONCE:
        raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_iccids")
    if not all(isinstance(iccid, str) and ICCID.fullmatch(iccid) for iccid in given):
        raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_iccids")
    return [iccid.rstrip("Ff") for iccid in given]


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST_AT_ONCE:
        raise HttpRefusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_count")
    return value


def _check_digit(stem: str) -> str:
    """Return the Luhn check digit that ends an ICCID (ITU-T E.118)."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(stem)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
