"""The demo's data: what `make run` promises."""

import pytest
from django.core.management import call_command

from accounts.models import User
from demo.management.commands import load_demo
from esim.models import Sim
from esim.states import SimState
from moportal.identifiers import Iccid
from plans.models import Plan
from plans.queries import offers

pytestmark = pytest.mark.django_db
MARKETS = ["US", "GB", "DE", "JP", "AE"]
IN_THE_SOURCE_DOCUMENTS = [
    "8988247000100003319",
    "8988247000100297655",
    "8988247000101867183",
    "8988247000101997790",
    "8988247000103824828",
]


@pytest.fixture
def loaded() -> None:
    """Load the demo data."""
    call_command("load_demo")


def test_loading_twice_changes_nothing(loaded: None) -> None:
    before = (Plan.objects.count(), Sim.objects.count(), User.objects.count())

    call_command("load_demo")

    assert (Plan.objects.count(), Sim.objects.count(), User.objects.count()) == before


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_every_market_sells_each_kind_in_each_language(
    loaded: None, market: str, language: str
) -> None:
    found = offers(market=market, location=market, language=language)

    assert {offer.plan.category for offer in found} == {"prepaid", "recurring"}
    assert any(not offer.plan.is_metered for offer in found)
    assert all(offer.name for offer in found)


def test_the_first_prepaid_plan_in_the_us_is_metered(loaded: None) -> None:
    first = offers(market="US", location="US", language="en", category="prepaid")[0]

    assert first.plan.is_metered


@pytest.mark.parametrize("market", MARKETS)
def test_nothing_works_in_brazil(loaded: None, market: str) -> None:
    assert offers(market=market, location="BR", language="en") == []


def test_there_are_some_thousand_profiles_and_every_number_is_right(loaded: None) -> None:
    numbers = list(Sim.objects.values_list("iccid", flat=True))

    free = Sim.objects.filter(kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE)
    assert free.count() == load_demo.POOL_SIZE
    assert all(Iccid.parse(number) == number for number in numbers)
    assert not set(IN_THE_SOURCE_DOCUMENTS) & set(numbers)


def test_the_summary_names_the_accounts_and_the_sims(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", "--summary")

    said = capsys.readouterr().out
    for told in (load_demo.CUSTOMER, load_demo.STAFF, load_demo.PHYSICAL, load_demo.SHUT_OUT):
        assert told in said
