"""How tests change the lines in the books of the customer system simulator."""

from datetime import timedelta
from typing import Any

import httpx
from django.utils.timezone import now

GB = 10**9


def change_line(customers: str, reference: str, **fields: Any) -> None:
    """Change a line in the customer system's books."""
    url = f"{customers}/books/lines/{reference}"
    httpx.put(url, json=fields, trust_env=False).raise_for_status()


def plan(**fields: Any) -> dict[str, Any]:
    """Return a plan as the customer system has it, with these fields changed."""
    at = now()
    return {
        "reference": "m",
        "name": "Home 50 GB",
        "startsAt": (at - timedelta(days=10)).isoformat(),
        "endsAt": (at + timedelta(days=20)).isoformat(),
        "totalBytes": 50 * GB,
        "leftBytes": 31 * GB,
        "countries": ["US", "CA", "MX"],
        **fields,
    }
