"""What pytest need not do anew for each of a thousand mutants.

One database and one pair of simulators serve them all, one mutant at a time.
"""

import pytest

from tests.mutants import shared


def pytest_configure(config: pytest.Config) -> None:
    # Of two fixtures of one name the last registered is used.
    config.pluginmanager.register(shared)
