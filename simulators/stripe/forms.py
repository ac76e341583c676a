"""Requests in Stripe's form encoding: `metadata[key]=…` and `expand[]=…` or `expand[0]=…`."""

import re
from typing import Any
from urllib.parse import parse_qsl

PART = re.compile(r"\[([^\]]*)\]")


def parse_form(text: str) -> dict[str, Any]:
    """Return the fields as nested objects. A list becomes an object whose names are numbers."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *path, last = [name.partition("[")[0], *PART.findall(name)]
        place = found
        for part in path:
            place = place.setdefault(part or str(len(place)), {})
        place[last or str(len(place))] = value
    return found


def values(listed: object) -> list[Any]:
    """Return the members of a list."""
    return list(listed.values()) if isinstance(listed, dict) else []
