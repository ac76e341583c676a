"""Orders under every fault of `make chaos`, twenty orders each, on their own services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.parts import ROOT
from tests.chaos.faults import FAULTS
from tests.speeds import long

ORDERS, MORE_ORDERS, SEED, OUTAGE = 20, 50, 20_261_121, 8


# The two that strike the portal itself: its worker and its database.
SAMPLE = ["answers lost and worker killed", "database crashed or restarted"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("only", [SAMPLE, long([fault.name for fault in FAULTS])])
def test_under_every_fault_nothing_is_lost_doubled_or_mixed_up(
    tmp_path: Path, only: list[str]
) -> None:
    report = run_chaos(tmp_path, ORDERS, only)

    assert [line["lost"] for line in report] == [[]] * len(only)
    assert [line["orders"] for line in report] == [ORDERS] * len(only)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_with_a_failing_smdp_each_completed_order_takes_one_profile(
    tmp_path: Path,
) -> None:
    (fault,) = run_chaos(tmp_path, MORE_ORDERS, ["SM-DP+ fails at random"])

    assert (fault["lost"], fault["orders"]) == ([], MORE_ORDERS)


def run_chaos(folder: Path, orders: int, only: list[str]) -> list[dict[str, Any]]:
    """Run these faults in another process with its own services. Return its report."""
    path = folder / "chaos.json"
    options = ["--orders", str(orders), "--seed", str(SEED), "--outage", str(OUTAGE)]
    for name in only:
        options += ["--only", name]
    subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options, "--json", str(path)],
        cwd=ROOT,
        check=False,
    )
    faults: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["faults"]
    return faults
