"""The bank, the network and the limits of all stories."""

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def without_limits(in_process: None, settings: Settings) -> None:
    """Let customers of many years order more than the limit of a day allows."""
    settings.ORDER_LIMIT = settings.DEVICE_ORDER_LIMIT = 0
