"""`balance_api.serializers`: durations as Microsoft's documents write them."""

from datetime import timedelta

import pytest
from django.utils.dateparse import parse_duration
from hypothesis import given
from hypothesis import strategies as st

from balance_api.serializers import IsoDurationField


def iso_duration(duration: timedelta) -> str:
    return IsoDurationField().to_representation(duration)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=23, hours=23), "P23DT23H"),
        (timedelta(days=2), "P2D"),
        (timedelta(minutes=5, seconds=1), "PT5M1S"),
        (timedelta(), "PT0S"),
        (timedelta(milliseconds=900), "PT0S"),
        (timedelta(days=-1), "PT0S"),
    ],
)
def test_a_duration_has_days_hours_minutes_and_seconds(duration: timedelta, text: str) -> None:
    assert iso_duration(duration) == text


@given(st.integers(0, 10**9))
def test_a_duration_parses_back_to_the_same_seconds(seconds: int) -> None:
    assert parse_duration(iso_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
