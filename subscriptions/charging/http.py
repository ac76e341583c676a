"""Usage over HTTP: `GET CHARGING_URL/usage?after=…&limit=…` (docs/usage.md)."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
from django.conf import settings

from moportal.outside import checked_address, exchange
from subscriptions.charging.base import LONGEST_CURSOR, ChargingTrouble, Page


class HttpCharging:
    """Answers `{"records": […], "cursor": "…", "more": false}`."""

    def usage(self, after: str, *, limit: int) -> Page:
        """Ask for a page, and check that what came is one."""
        base = checked_address(settings.CHARGING_URL, name="CHARGING_URL")
        token: str = settings.CHARGING_TOKEN
        try:
            reply = exchange(
                "GET",
                f"{base}/usage?{urlencode({'after': after, 'limit': limit})}",
                within=settings.OUTSIDE_CALL_TIMEOUT,
                headers={"Authorization": f"Bearer {token}"} if token else {},
            )
            body = json.loads(reply.body)
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise ChargingTrouble(type(error).__name__) from error
        if reply.status != httpx.codes.OK or not isinstance(body, dict):
            raise ChargingTrouble(f"HTTP {reply.status}")
        return _page(body, limit)


def _page(body: dict[str, Any], limit: int) -> Page:
    found, cursor, has_more = (body.get(name) for name in ("records", "cursor", "more"))
    if not isinstance(found, list) or len(found) > limit or not isinstance(has_more, bool):
        raise ChargingTrouble("not a page of usage")
    is_kept = isinstance(cursor, str) and cursor.isprintable() and len(cursor) <= LONGEST_CURSOR
    if not is_kept:
        raise ChargingTrouble("a cursor that cannot be kept")
    return Page(found, str(cursor), has_more)
