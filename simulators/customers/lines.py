"""The lines that the simulator begins with. Times are given in days from its start."""

from datetime import UTC, datetime, timedelta
from typing import Any

GB = 10**9


def _plan(
    reference: str,
    name: str,
    total: int | None,
    left: int,
    *,
    days: int = 20,
    countries: tuple[str, ...] = ("US", "CA", "MX"),
) -> dict[str, Any]:
    return {
        "reference": reference,
        "name": name,
        "total": total,
        "left": left,
        "days": days,
        "countries": list(countries),
    }


# Each reference stands for one case. The bill code is what the operator prints on a bill.
LINES: dict[str, dict[str, Any]] = {
    "metered": {
        "number": "+12025550142",
        "billCode": "HOLD-4711-KMRT",
        "sims": ["8944999100000000010"],
        "plans": [_plan("m", "Home 50 GB", 50 * GB, 31 * GB)],
    },
    "unlimited": {
        "number": "+12025550143",
        "billCode": "HOLD-4712-WXPT",
        "sims": ["8944999100000000028", "8944999100000000036"],
        "plans": [_plan("u", "Family Unlimited", None, 0)],
    },
    "used-up": {
        "number": "+12025550144",
        "billCode": "HOLD-4713-RTLK",
        "sims": ["8944999100000000044"],
        "plans": [_plan("e", "Home 5 GB", 5 * GB, 0)],
    },
    "locked": {
        "number": "+12025550145",
        "billCode": "HOLD-4714-MNBV",
        "locked": True,
        "sims": ["8944999100000000051"],
        "plans": [_plan("l", "Home 50 GB", 50 * GB, 50 * GB)],
    },
    "new-sim": {
        "number": "+12025550146",
        "billCode": "HOLD-4715-QWRT",
        "simChangedDaysAgo": 1,
        "sims": ["8944999100000000069"],
        "plans": [_plan("n", "Home 50 GB", 50 * GB, 12 * GB)],
    },
    "identified": {
        "number": "+12025550147",
        "billCode": "HOLD-4716-FJRD",
        "holderIdentified": True,
        "sims": ["8944999100000000085"],
        "plans": [_plan("i", "Dubai 1 GB", GB, 0, countries=("AE",))],
    },
}


def documents() -> dict[str, dict[str, Any]]:
    """Return the lines as the simulator stores them, with their times from now on."""
    at = datetime.now(UTC).replace(microsecond=0)
    return {reference: _document(line, at) for reference, line in LINES.items()}


def _document(line: dict[str, Any], at: datetime) -> dict[str, Any]:
    changed = line.get("simChangedDaysAgo")
    return {
        "number": line["number"],
        "billCode": line["billCode"],
        "locked": line.get("locked", False),
        "holderIdentified": line.get("holderIdentified"),
        "simChangedAt": None if changed is None else (at - timedelta(days=changed)).isoformat(),
        "sims": line["sims"],
        "plans": [
            {
                "reference": plan["reference"],
                "name": plan["name"],
                "startsAt": (at - timedelta(days=10)).isoformat(),
                "endsAt": (at + timedelta(days=plan["days"])).isoformat(),
                "totalBytes": plan["total"],
                "leftBytes": plan["left"],
                "countries": plan["countries"],
                "cancelled": False,
            }
            for plan in line["plans"]
        ],
    }
