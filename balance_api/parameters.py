"""Get Balance's parameters: text in, value out, or a 400 that names the parameter (contract, 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from moportal.identifiers import Country, Iccid, InvalidIdentifier
from moportal.problems import CONTROL_CHARACTER, TRANSACTION_HEADER, TRANSACTION_KEY, BadParameter

LARGEST_INT = 2_147_483_647
LONGEST_TRANSACTION_ID = 128


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the query asks for, read."""

    is_full: bool
    limit: int | None
    location: Country | None


def read(query: QueryDict) -> Wanted:
    """Read the three parameters; others are ignored. Raises `BadParameter`."""
    return Wanted(
        is_full=_fields_template(query),
        limit=_limit(_first(query, "limit")),
        location=_location(_first(query, "location")),
    )


def _first(query: QueryDict, name: str) -> str:
    """Of a repeated parameter the first counts; Django alone would take the last."""
    return query.getlist(name, [""])[0]


def _fields_template(query: QueryDict) -> bool:
    # The source's own tests write `fieldTemplate`.
    name = "fieldsTemplate" if "fieldsTemplate" in query else "fieldTemplate"
    value = _first(query, name).lower()
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
    bare = re.sub(r"^iccid:\s*", "", text.strip(), flags=re.IGNORECASE)
    try:
        return Iccid.parse(bare)
    except InvalidIdentifier:
        return None
