"""Values in the answers of gateways, parsed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from payments.gateways.base import GatewayUnavailable

LONGEST_TEXT = 80
# A page's address. Those of real gateways have some hundred characters.
LONGEST_URL = 2000
# The Unix time at which the year 9000 begins.
LAST_SECOND = 221_845_392_000
LONGEST_DELAY = timedelta(days=90)


def parse_moment(seconds: object) -> datetime | None:
    """Parse a Unix time. Return None for any other value, as if the gateway named no end."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return datetime.fromtimestamp(seconds, tz=UTC) if 0 <= seconds < LAST_SECOND else None


def parse_delay(seconds: object) -> timedelta | None:
    """Parse a number of seconds to wait, at most `LONGEST_DELAY`.

    Return None for any other value, as if the gateway gave no advice.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_DELAY.total_seconds()))


def require_text(body: dict[str, Any], name: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return a text of the answer that can be stored. Raises `GatewayUnavailable`."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\0" in value:
        raise GatewayUnavailable(f"the answer has no usable {name}", was_sent=True)
    return value
