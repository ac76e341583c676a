"""`subscriptions.checks`: a way out is short and small, and the network can open it."""

import pytest
from pytest_django.fixtures import Settings

from subscriptions import checks


@pytest.mark.parametrize("minutes", [0, 1, 60])
def test_a_short_way_out_is_no_problem(settings: Settings, minutes: int) -> None:
    settings.WAY_OUT_MINUTES = minutes

    assert checks.ways_out() == []


@pytest.mark.parametrize("minutes", [-1, 61])
def test_a_way_out_lasts_an_hour_at_most(settings: Settings, minutes: int) -> None:
    settings.WAY_OUT_MINUTES = minutes

    assert [one.msg for one in checks.ways_out()] == ["WAY_OUT_MINUTES must be from 0 to 60."]


def test_a_way_out_carries_a_bank_s_page_and_no_film(settings: Settings) -> None:
    settings.WAY_OUT_MEGABYTES = 101

    assert [one.msg for one in checks.ways_out()] == ["WAY_OUT_MEGABYTES must be from 1 to 100."]


def test_a_network_without_ways_out_is_named(settings: Settings) -> None:
    settings.NETWORK = checks.WARM
    settings.WAY_OUT_MINUTES = 10
    assert [one.id for one in checks.network_opens_ways()] == ["subscriptions.I001"]

    settings.WAY_OUT_MINUTES = 0
    assert checks.network_opens_ways() == []

    settings.WAY_OUT_MINUTES, settings.NETWORK = 10, "operator.Network"
    assert checks.network_opens_ways() == []
