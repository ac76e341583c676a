"""`esim.domain.pool` and `esim.domain.stock`: claims of ICCIDs, and warnings of low pools."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from structlog.testing import capture_logs

from accounts.models import User
from esim.domain import pool, stock
from esim.domain.pool import PoolEmpty
from esim.models import PoolLevel, Profile, Sim
from esim.states import SimState
from esim.tasks import watch_pools
from tests.builders import EID, make_card, make_pool, make_provider
from tests.races import at_once

pytestmark = pytest.mark.django_db


def claim() -> Profile:
    return pool.intend(eid=EID, profile_type="consumer")


def reserved_without_a_profile() -> list[Sim]:
    return list(Sim.objects.filter(state=SimState.RESERVED, profiles=None))


# --- Claims -------------------------------------------------------------------------------------


def test_the_oldest_free_iccid_is_claimed_first() -> None:
    first, second = make_pool(2)

    assert [claim().sim, claim().sim] == [first, second]

    with pytest.raises(PoolEmpty):
        claim()


def test_other_types_and_cards_are_not_claimed() -> None:
    make_pool(1, profile_type="other")
    make_card()

    with pytest.raises(PoolEmpty):
        claim()


@pytest.mark.django_db(transaction=True)
def test_fifty_concurrent_claims_get_different_iccids() -> None:
    make_pool(30)

    claims = at_once(claim, 50)

    claimed = [profile.sim_id for profile in claims if isinstance(profile, Profile)]
    assert len(claimed) == len(set(claimed)) == 30
    assert sum(isinstance(result, PoolEmpty) for result in claims) == 20
    assert reserved_without_a_profile() == []


@pytest.mark.django_db(transaction=True)
def test_fifty_concurrent_claims_continue_at_the_next_provider() -> None:
    one, two = make_provider(), make_provider(code="two")
    make_pool(5, provider=one)
    make_pool(5, provider=two)

    claims = at_once(claim, 50)

    claimed = [profile for profile in claims if isinstance(profile, Profile)]
    assert sorted(profile.provider.code for profile in claimed) == ["one"] * 5 + ["two"] * 5
    assert all(profile.provider_id == profile.sim.provider_id for profile in claimed)


# --- No ICCID is ever reserved without a profile: one transaction stores both ---------------------


class WorkerStopped(Exception):
    """The worker stops here."""


@transaction.atomic
def claim_and_stop() -> None:
    claim()
    raise WorkerStopped


@pytest.mark.django_db(transaction=True)
def test_a_claim_whose_profile_cannot_be_stored_reserves_nothing() -> None:
    (sim,) = make_pool(1)
    # The SIM already has a profile, so a second one cannot be stored.
    Profile.objects.create(sim=sim, provider=make_provider(), matching_id="A", eid=EID)

    with pytest.raises(IntegrityError):
        claim()

    sim.refresh_from_db()
    assert sim.state == SimState.AVAILABLE


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_is_rolled_back_reserves_nothing() -> None:
    (sim,) = make_pool(1)

    with pytest.raises(WorkerStopped):
        claim_and_stop()

    sim.refresh_from_db()
    assert sim.state == SimState.AVAILABLE
    assert not Profile.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_those_rolled_back_reserve_nothing() -> None:
    make_pool(20)
    turns = iter(range(40))

    def claim_and_perhaps_stop() -> Profile:
        with transaction.atomic():
            profile = claim()
            if next(turns) % 2:
                raise WorkerStopped
        return profile

    claims = at_once(claim_and_perhaps_stop, 40)

    kept = [profile for profile in claims if isinstance(profile, Profile)]
    assert Sim.objects.filter(state=SimState.RESERVED).count() == len(kept)
    assert reserved_without_a_profile() == []


# --- Stock and warnings ---------------------------------------------------------------------------


def make_level(low_mark: int = 3) -> PoolLevel:
    return PoolLevel.objects.create(
        profile_type="consumer", provider=make_provider(), low_mark=low_mark
    )


def warnings() -> list[tuple[str, str]]:
    with capture_logs() as logs:
        watch_pools()
    return [(line["log_level"], line["event"]) for line in logs]


LOW, FILLED = ("error", "pool below its low mark"), ("info", "pool filled again")


def test_a_low_pool_is_reported_once_until_it_is_filled_again() -> None:
    make_level(low_mark=3)
    make_pool(3)
    assert warnings() == []

    claim()
    assert [warnings(), warnings()] == [[LOW], []]

    make_pool(1)
    assert [warnings(), warnings()] == [[FILLED], []]

    claim()
    assert warnings() == [LOW]


def test_the_warning_names_the_pool_and_its_free_iccids() -> None:
    make_level(low_mark=3)
    make_pool(2)

    with capture_logs() as logs:
        stock.warn_of_low_pools()

    (line,) = logs
    del line["event"], line["log_level"]
    assert line == {"profile_type": "consumer", "provider": "one", "free": 2, "low_mark": 3}


@pytest.mark.django_db(transaction=True)
def test_concurrent_checks_warn_once() -> None:
    make_level()

    with capture_logs() as logs:
        at_once(stock.warn_of_low_pools, 8)

    assert [line["event"] for line in logs] == ["pool below its low mark"]


@pytest.mark.parametrize("others", [0, 2])
def test_all_pools_are_checked_by_one_statement(
    django_assert_num_queries: Any, others: int
) -> None:
    make_level(low_mark=1)
    make_pool(1)
    for number in range(others):
        provider = make_provider(code=f"more{number}")
        PoolLevel.objects.create(profile_type="consumer", provider=provider, low_mark=1)
        make_pool(1, provider=provider)

    with django_assert_num_queries(1):
        stock.warn_of_low_pools()


def test_the_stock_is_counted_by_type_and_provider() -> None:
    make_level(low_mark=5)
    two = make_provider(code="two")
    PoolLevel.objects.create(profile_type="other", provider=two, low_mark=1)
    sims = make_pool(4)
    make_pool(2, provider=two)
    make_card()
    claim()
    Sim.objects.filter(pk=sims[1].pk).update(state=SimState.IN_USE)
    Sim.objects.filter(pk=sims[2].pk).update(state=SimState.RETIRED)

    assert stock.count_stock() == [
        stock.PoolStock("consumer", "one", free=1, reserved=1, used=2, low_mark=5),
        stock.PoolStock("consumer", "two", free=2, reserved=0, used=0, low_mark=None),
        stock.PoolStock("other", "two", free=0, reserved=0, used=0, low_mark=1),
    ]


def test_the_command_prints_one_line_for_each_pool() -> None:
    make_level(low_mark=5)
    make_pool(4)
    claim()
    output = StringIO()

    call_command("pools", stdout=output)

    head, pool_of_one = [line.split() for line in output.getvalue().splitlines()]
    assert head == ["type", "provider", "free", "reserved", "used", "mark"]
    assert pool_of_one == ["consumer", "one", "3", "1", "0", "5", "low"]


def test_staff_see_which_pools_are_low(client: Client, clara: User) -> None:
    client.force_login(clara)
    make_level(low_mark=3)
    enough = make_provider(code="enough")
    PoolLevel.objects.create(profile_type="consumer", provider=enough, low_mark=1)
    make_pool(2)
    make_pool(2, provider=enough)
    stock.warn_of_low_pools()

    page = client.get("/admin/esim/poollevel/", {"low_since__isempty": "0"})

    (listed,) = page.context["cl"].result_list
    assert (listed.provider.code, listed.free) == ("one", 2)
