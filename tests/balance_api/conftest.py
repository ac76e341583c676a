"""A SIM with a plan, for the tests that send requests at the same time."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from tests.balance_api.test_views import give
from tests.builders import make_card


@pytest.fixture
def sim(transactional_db: None, settings: Settings, alice: User) -> Sim:
    """Return a SIM with a plan. Its callers have no rate limit."""
    settings.BALANCE_RATE = 0
    card = make_card()
    give(alice, card, code="traveller")
    return card
