"""A line with one SIM, for the tests of usage."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from subscriptions.models import Line
from tests.subscriptions.usages import START, make_line


@pytest.fixture(autouse=True)
def old_usage(settings: Settings) -> None:
    """Accept the tests' usage, whose dates are fixed, for many years."""
    settings.USAGE_DAYS = 36_500


@pytest.fixture
def in_process(settings: Settings) -> None:
    """Let the gateway and the network be in this process."""
    settings.PAYMENT_GATEWAY = ["tests.subscriptions.months.bank.Bank"]
    settings.NETWORK = "tests.subscriptions.months.bank.Network"


@pytest.fixture
def line(alice: User) -> Line:
    return make_line(alice, since=START)[0]


@pytest.fixture
def sim(line: Line) -> Sim:
    return line.sims.get().sim
