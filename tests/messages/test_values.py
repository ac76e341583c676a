"""`messages.values`: amounts, times and days come back from JSON as what they were."""

import json
from datetime import UTC, date, datetime

import pytest

from messages.values import ContextDecoder, ContextEncoder
from moportal.money import Money


def test_amounts_times_and_days_keep_their_types() -> None:
    context = {
        "total": Money(1900, "USD"),
        "at": datetime(2026, 11, 29, 12, tzinfo=UTC),
        "on": date(2026, 11, 29),
        "other": {"a": [1, None, True, "x"]},
    }

    text = json.dumps(context, cls=ContextEncoder)

    assert json.loads(text, cls=ContextDecoder) == context


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError):
        json.dumps({"x": object()}, cls=ContextEncoder)
