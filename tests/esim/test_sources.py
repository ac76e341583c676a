"""Providers side by side: which of them serves a profile type in a market, and in which turn."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from esim.domain import pool
from esim.domain.pool import PoolEmpty
from esim.models import SmdpProvider, Source
from tests.builders import EID, make_pool, make_provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def providers() -> tuple[SmdpProvider, SmdpProvider, SmdpProvider]:
    """Return three providers, each with two free ICCIDs."""
    made = (make_provider(), make_provider(code="two"), make_provider(code="three"))
    for provider in made:
        make_pool(2, provider=provider)
    return made


def serve(provider: SmdpProvider, *, market: str = "", rank: int = 1) -> None:
    Source.objects.create(profile_type="consumer", market=market, provider=provider, rank=rank)


def given(market: str = "", *, times: int = 1) -> list[str]:
    """Return which providers' ICCIDs are given, one after the other."""
    claims = [pool.intend(eid=EID, profile_type="consumer", market=market) for _ in range(times)]
    assert all(claim.sim.provider_id == claim.provider_id for claim in claims)
    return [claim.provider.code for claim in claims]


def nothing_is_given(market: str = "") -> bool:
    """Say whether neither a claim nor the look ahead finds an ICCID."""
    with pytest.raises(PoolEmpty), transaction.atomic():
        given(market)
    with pytest.raises(PoolEmpty):
        pool.check_stock("consumer", market=market)
    return True


Three = tuple[SmdpProvider, SmdpProvider, SmdpProvider]


def test_a_type_without_sources_is_served_by_any_provider(providers: Three) -> None:
    assert given("DE", times=6) == ["one", "one", "two", "two", "three", "three"]


def test_the_market_comes_before_any_market_and_rank_decides_within(providers: Three) -> None:
    one, two, three = providers
    serve(one, rank=0)
    serve(two, market="DE", rank=2)
    serve(three, market="DE", rank=1)

    assert given("DE", times=6) == ["three", "three", "two", "two", "one", "one"]


def test_elsewhere_those_for_any_market_serve_alone(providers: Three) -> None:
    one, two, _three = providers
    serve(one)
    serve(two, market="DE")

    assert given("US", times=2) == ["one", "one"]
    assert nothing_is_given("US")


def test_a_market_that_nobody_serves_gets_nothing(providers: Three) -> None:
    serve(providers[0], market="DE")

    assert nothing_is_given("US")
    pool.check_stock("consumer", market="DE")


def test_a_provider_named_twice_is_asked_once_where_its_market_says(providers: Three) -> None:
    one, two, _three = providers
    serve(one, rank=1)
    serve(two, rank=2)
    serve(two, market="DE")

    assert [provider.code for provider in pool.providers_for("consumer", "DE")] == ["two", "one"]


def test_a_provider_that_is_switched_off_is_passed_over(providers: Three) -> None:
    one, two, _three = providers
    serve(one, rank=1)
    serve(two, rank=2)
    SmdpProvider.objects.filter(pk=one.pk).update(is_active=False)

    assert given("DE") == ["two"]


def test_sources_that_are_all_switched_off_do_not_make_it_anybodys(providers: Three) -> None:
    serve(providers[0])
    SmdpProvider.objects.filter(pk=providers[0].pk).update(is_active=False)

    assert nothing_is_given()


def test_sources_of_another_type_say_nothing_of_this_one(providers: Three) -> None:
    Source.objects.create(profile_type="other", provider=providers[2])

    assert given() == ["one"]


@pytest.mark.parametrize("sources", [0, 3])
def test_whom_to_ask_is_one_statement(
    providers: Three, django_assert_num_queries: Any, sources: int
) -> None:
    for provider in providers[:sources]:
        serve(provider)

    with django_assert_num_queries(1):
        pool.providers_for("consumer", "DE")


def test_staff_name_a_market_by_its_code(client: Client, clara: User) -> None:
    client.force_login(clara)
    one = make_provider()
    typed = {"profile_type": "consumer", "market": "de", "provider": one.pk, "rank": 1}

    refused = client.post("/admin/esim/source/add/", {**typed, "market": "XX"})
    client.post("/admin/esim/source/add/", typed)
    client.post("/admin/esim/source/add/", {**typed, "market": ""})

    assert "Not a two-letter country code" in refused.text
    assert [source.market for source in Source.objects.all()] == ["", "DE"]
