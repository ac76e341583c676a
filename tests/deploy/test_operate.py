"""docs/operate.md: its commands lead from a bare host to a sale, Get Balance and a restore."""

import subprocess

import pytest

from tests.walk.__main__ import Report, walk
from tests.walk.host import can_run
from tests.walk.page import sections

# Installing the packages takes most of it. A busy machine takes several times as long.
LONGEST = 2400


@pytest.mark.processes
def test_the_pages_commands_are_complete() -> None:
    """The form in short. The long form runs them."""
    found = {section.heading: section.commands for section in sections()}

    assert {"Database", "Settings", "Start", "First sale", "Get Balance", "Restore"} <= set(found)
    for commands in found.values():
        done = subprocess.run(
            ["/bin/bash", "-n"], input=commands, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.timeout(LONGEST)
def test_the_pages_commands_lead_to_a_sale_a_balance_and_a_restore() -> None:
    if not can_run():
        pytest.skip("the walk needs root and a kernel that lets root make namespaces")

    walk(Report())
