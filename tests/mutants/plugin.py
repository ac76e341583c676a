"""A pytest plugin that spares each of a thousand mutants the slow setup.

All mutants share one database and one set of simulators, one mutant at a time.
"""

import pytest

from tests.mutants import shared


def pytest_configure(config: pytest.Config) -> None:
    # If two fixtures have the same name, pytest uses the one registered last.
    config.pluginmanager.register(shared)
