"""Amounts, days and times in a message's context: stored as JSON, read as Python values."""

import json
from datetime import date, datetime
from typing import Any

from moportal.money import Money


class ContextEncoder(json.JSONEncoder):
    """Writes amounts as `{"minorUnits", "currency"}`, times as `{"time"}`, days as `{"day"}`.

    For Python a `datetime` is a `date` too, so times are looked for first.
    """

    def default(self, o: Any) -> Any:
        if isinstance(o, Money):
            return {"minorUnits": o.minor_units, "currency": o.currency}
        if isinstance(o, datetime):
            return {"time": o.isoformat()}
        if isinstance(o, date):
            return {"day": o.isoformat()}
        return super().default(o)


class ContextDecoder(json.JSONDecoder):
    """Reads what `ContextEncoder` has written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(object_hook=_decode, **options)


def _decode(found: dict[str, Any]) -> Any:
    if found.keys() == {"minorUnits", "currency"}:
        return Money(found["minorUnits"], found["currency"])
    if found.keys() == {"time"}:
        return datetime.fromisoformat(found["time"])
    if found.keys() == {"day"}:
        return date.fromisoformat(found["day"])
    return found
