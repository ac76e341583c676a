"""Several providers: which of them serves a profile type in a market, and in which order."""

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


def add_source(provider: SmdpProvider, *, market: str = "", rank: int = 1) -> None:
    Source.objects.create(profile_type="consumer", market=market, provider=provider, rank=rank)


def claimed(market: str = "", *, times: int = 1) -> list[str]:
    """Claim ICCIDs one after the other, and return their providers."""
    claims = [pool.intend(eid=EID, profile_type="consumer", market=market) for _ in range(times)]
    assert all(claim.sim.provider_id == claim.provider_id for claim in claims)
    return [claim.provider.code for claim in claims]


def nothing_is_left(market: str = "") -> bool:
    """Check that neither a claim nor `check_stock` finds an ICCID."""
    with pytest.raises(PoolEmpty), transaction.atomic():
        claimed(market)
    with pytest.raises(PoolEmpty):
        pool.check_stock("consumer", market=market)
    return True


Three = tuple[SmdpProvider, SmdpProvider, SmdpProvider]


def test_a_type_without_sources_is_served_by_any_provider(providers: Three) -> None:
    assert claimed("DE", times=6) == ["one", "one", "two", "two", "three", "three"]


def test_sources_for_the_market_come_first_and_then_rank_decides(providers: Three) -> None:
    one, two, three = providers
    add_source(one, rank=0)
    add_source(two, market="DE", rank=2)
    add_source(three, market="DE", rank=1)

    assert claimed("DE", times=6) == ["three", "three", "two", "two", "one", "one"]


def test_in_other_markets_only_sources_for_any_market_serve(providers: Three) -> None:
    one, two, _three = providers
    add_source(one)
    add_source(two, market="DE")

    assert claimed("US", times=2) == ["one", "one"]
    assert nothing_is_left("US")


def test_a_market_without_a_source_gets_nothing(providers: Three) -> None:
    add_source(providers[0], market="DE")

    assert nothing_is_left("US")
    pool.check_stock("consumer", market="DE")


def test_a_provider_with_two_sources_comes_once_at_the_place_of_its_market(
    providers: Three,
) -> None:
    one, two, _three = providers
    add_source(one, rank=1)
    add_source(two, rank=2)
    add_source(two, market="DE")

    assert [provider.code for provider in pool.providers_for("consumer", "DE")] == ["two", "one"]


def test_an_inactive_provider_is_skipped(providers: Three) -> None:
    one, two, _three = providers
    add_source(one, rank=1)
    add_source(two, rank=2)
    SmdpProvider.objects.filter(pk=one.pk).update(is_active=False)

    assert claimed("DE") == ["two"]


def test_if_all_sources_are_inactive_no_other_provider_serves(providers: Three) -> None:
    add_source(providers[0])
    SmdpProvider.objects.filter(pk=providers[0].pk).update(is_active=False)

    assert nothing_is_left()


def test_sources_of_another_type_do_not_count(providers: Three) -> None:
    Source.objects.create(profile_type="other", provider=providers[2])

    assert claimed() == ["one"]


@pytest.mark.parametrize("sources", [0, 3])
def test_the_providers_are_found_by_one_statement(
    providers: Three, django_assert_num_queries: Any, sources: int
) -> None:
    for provider in providers[:sources]:
        add_source(provider)

    with django_assert_num_queries(1):
        pool.providers_for("consumer", "DE")


def test_staff_give_a_market_by_its_country_code(client: Client, clara: User) -> None:
    client.force_login(clara)
    one = make_provider()
    typed = {"profile_type": "consumer", "market": "de", "provider": one.pk, "rank": 1}

    refused = client.post("/admin/esim/source/add/", {**typed, "market": "XX"})
    client.post("/admin/esim/source/add/", typed)
    client.post("/admin/esim/source/add/", {**typed, "market": ""})

    assert "Enter a two-letter country code" in refused.text
    assert [source.market for source in Source.objects.all()] == ["", "DE"]
