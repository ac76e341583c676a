"""`moportal.text.instants` and `moportal.text.json_numbers`: values as other systems write them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from moportal.text.instants import parse_instant
from moportal.text.json_numbers import whole_number

NEW_YEARS_EVE = datetime(2016, 12, 31, 23, 59, 59, 999_999, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60Z",
        "2016-12-31t23:59:60z",
        "2016-12-31T23:59:60.25Z",
        "2017-01-01T00:59:60+01:00",
        "2016-12-31T23:59:60",
    ],
)
def test_a_leap_second_keeps_its_day(text: str) -> None:
    assert parse_instant(text) == NEW_YEARS_EVE


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2016-12-31T12:00:60Z", "0001-01-01T00:00:00+10:00"]
)
def test_a_text_that_is_no_instant_raises_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the message is Python's own
        parse_instant(text)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (4, 4),
        (4.0, 4),
        (-1e3, -1000),
        (4.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("4", None),
        (None, None),
        ([4], None),
    ],
)
def test_a_whole_number_may_have_a_fraction_of_zero(value: Any, number: int | None) -> None:
    assert whole_number(value) == number
    assert type(whole_number(value)) is not bool
