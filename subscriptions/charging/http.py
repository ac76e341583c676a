"""Usage over HTTP: `GET CHARGING_URL/usage?after=…&limit=…` (docs/usage.md)."""

from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings

from moportal.http_client import check_address, exchange_json
from subscriptions.charging.base import LONGEST_CURSOR, ChargingUnavailable, Page


class HttpCharging:
    """Answers `{"records": […], "cursor": "…", "more": false}`."""

    def usage(self, after: str, *, limit: int) -> Page:
        """Fetch a page, and check that the answer is one."""
        base = check_address(settings.CHARGING_URL, name="CHARGING_URL")
        token: str = settings.CHARGING_TOKEN
        status, answer = exchange_json(
            "GET",
            f"{base}/usage?{urlencode({'after': after, 'limit': limit})}",
            within=settings.OUTSIDE_CALL_TIMEOUT,
            unavailable=ChargingUnavailable,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        if status != httpx.codes.OK:
            raise ChargingUnavailable(f"HTTP {status}", was_sent=True)
        return _parse_page(answer, limit)


def _parse_page(body: dict[str, Any], limit: int) -> Page:
    found, cursor, has_more = (body.get(name) for name in ("records", "cursor", "more"))
    # More records than asked for would make one transaction arbitrarily long.
    if not isinstance(found, list) or len(found) > limit or not isinstance(has_more, bool):
        raise ChargingUnavailable("not a page of usage", was_sent=True)
    can_be_stored = (
        isinstance(cursor, str) and cursor.isprintable() and len(cursor) <= LONGEST_CURSOR
    )
    if not can_be_stored:
        raise ChargingUnavailable("a cursor that cannot be kept", was_sent=True)
    return Page(found, str(cursor), has_more)
