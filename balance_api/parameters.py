"""Get Balance's parameters: text in, value out, or a 400 that names the parameter (contract, 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from moportal.identifiers import Country, Iccid, InvalidIdentifier
from moportal.problems import CONTROL_CHARACTER, TRANSACTION_HEADER, TRANSACTION_KEY, BadParameter

_PREFIX = re.compile(r"^iccid:\s*", re.IGNORECASE)
LARGEST_INT = 2_147_483_647
LONGEST_TRANSACTION_ID = 128


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the query asks for, read."""

    is_full: bool
    limit: int | None
    location: Country | None


@lru_cache(maxsize=256)
def read(query: str) -> Wanted:
    """Read the three parameters of a query string; others are ignored. Raises `BadParameter`.

    It is remembered: the same few queries come again and again.
    """
    # Of a repeated parameter the first counts.
    values = dict(reversed(parse_qsl(query, keep_blank_values=True)))
    return Wanted(
        is_full=_fields_template(values),
        limit=_limit(values.get("limit", "")),
        location=_location(values.get("location", "")),
    )


def _fields_template(values: Mapping[str, str]) -> bool:
    # The source's own tests write `fieldTemplate`.
    name = "fieldsTemplate" if "fieldsTemplate" in values else "fieldTemplate"
    value = values.get(name, "").lower()
    if value not in {"", "basic", "full"}:
        raise BadParameter(name, f"{name} is 'basic' or 'full'; empty means 'basic'.")
    return value == "full"


def _limit(text: str) -> int | None:
    if not text:
        return None
    is_number = re.fullmatch(r"[0-9]{1,10}", text)
    if not is_number or not 1 <= int(text) <= LARGEST_INT:
        raise BadParameter("limit", f"limit is a whole number from 1 to {LARGEST_INT}.")
    return int(text)


def _location(text: str) -> Country | None:
    if not text:
        return None
    try:
        return Country.parse(text)
    except InvalidIdentifier as error:
        raise BadParameter("location", "location is an ISO 3166-1 alpha-2 country code.") from error


def read_transaction_id(sent: Mapping[str, Any]) -> str:
    """Read the transaction id from a request's `META`; none is an empty one.

    Raises `BadParameter` for one that could not be echoed or kept.
    """
    value: str = sent.get(TRANSACTION_KEY, "")
    if len(value) > LONGEST_TRANSACTION_ID or CONTROL_CHARACTER.search(value):
        raise BadParameter(
            TRANSACTION_HEADER,
            f"{TRANSACTION_HEADER} has at most {LONGEST_TRANSACTION_ID} characters, "
            "none of them control characters.",
        )
    return value


def read_sim(text: str) -> Iccid | None:
    """Read `8988…`, `iccid:8988…` or `iccid: 8988…` in any case; None where it is no ICCID."""
    bare = text if text.isdecimal() else _PREFIX.sub("", text.strip())
    try:
        return Iccid.parse(bare)
    except InvalidIdentifier:
        return None
