"""The demo data that `make run` loads."""

import pytest
from django.core.management import call_command

from accounts.models import User
from demo.management.commands import load_demo
from esim.models import Sim
from esim.states import SimState
from moportal.identifiers import Iccid
from plans.models import Plan
from plans.queries import offers
from simulators.mobileplans import samples

pytestmark = pytest.mark.django_db
MARKETS = ["US", "GB", "DE", "JP", "AE"]
IN_THE_SOURCE_DOCUMENTS = [
    "8988247000100003319",
    "8988247000100297655",
    "8988247000101867183",
    "8988247000101997790",
    "8988247000103824828",
]


@pytest.fixture(scope="module")
def loaded(shared_rows: None) -> None:
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
def test_no_plan_works_in_brazil(loaded: None, market: str) -> None:
    assert offers(market=market, location="BR", language="en") == []


def test_thousands_of_profiles_are_free_and_every_number_is_valid(loaded: None) -> None:
    numbers = list(Sim.objects.values_list("iccid", flat=True))

    free = Sim.objects.filter(kind=Sim.Kind.PROFILE, state=SimState.AVAILABLE)
    assert free.count() == load_demo.POOL_SIZE
    assert all(Iccid.parse(number) == number for number in numbers)
    assert not set(IN_THE_SOURCE_DOCUMENTS) & set(numbers)


def test_the_summary_names_every_account_and_every_sim(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", "--summary")

    summary = capsys.readouterr().out
    named = [account.identifier for account in samples.ACCOUNTS]
    named += [sim.number for sim in samples.SIMS]
    assert [text for text in named if text not in summary] == []


def test_every_sample_account_can_sign_in(loaded: None) -> None:
    for account in samples.ACCOUNTS:
        assert User.objects.get(username=account.identifier).check_password(account.password)


def test_every_sample_sim_is_loaded_and_no_operator_has_its_number(loaded: None) -> None:
    numbers = [sim.number for sim in samples.SIMS]

    assert Sim.objects.filter(iccid__in=numbers).count() == len(numbers)
    assert all(Iccid.parse(number) == number for number in numbers)
