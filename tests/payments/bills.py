"""Numbers of the billing simulator, and what it has sent and charged, for the tests."""

import itertools
from typing import Any

from tests.providers import books

_numbers = itertools.count(1)
# What the last four digits of a number say (simulators/carrier_billing/presets.py).
OVER_LIMIT, WITH_CODE, NO_BILL, DENIED = "0201", "0202", "0203", "0204"
SLOW, SLOWLY_DENIED, SLOW_WITH_CODE, LAPSES = "0205", "0206", "0207", "0208"
TOO_MUCH, NOBODYS, WITH_PAGE = "0209", "0210", "0211"
REFUNDS_LATER, OVER_LIMIT_BY_OTHER_NAME, CONFIRMS_SLOWLY = "0212", "0214", "0215"


def new_number(ending: str = "0100") -> str:
    """Return a number that no other test has."""
    return f"+1555{next(_numbers):03}{ending}"


def bill(billing: str, number: str = "") -> list[dict[str, Any]]:
    """Return the payments in the billing's books, or those of one number."""
    return [row for row in books(billing)["payments"] if number in {"", row["number"]}]


def sent_code(billing: str, gateway_id: str, *, is_right: bool = True) -> str:
    """Return the code that was sent for a payment, or another one."""
    (row,) = [row for row in bill(billing) if row["id"] == gateway_id]
    code: str = row["code"]
    return code if is_right else f"{(int(code) + 1) % 10**6:06}"
