"""Orders under every fault of `make chaos`, twenty each, on services of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.parts import ROOT
from tests.chaos.faults import FAULTS

ORDERS, MORE_ORDERS, SEED, OUTAGE = 20, 50, 20_261_121, 8


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_mixed_up_whatever_breaks(tmp_path: Path) -> None:
    told = played(tmp_path, ORDERS, "")

    assert [line["lost"] for line in told] == [[]] * len(FAULTS)
    assert [line["orders"] for line in told] == [ORDERS] * len(FAULTS)


@pytest.mark.timeout(900)
def test_as_many_profiles_are_taken_as_orders_completed_whatever_the_smdp_does(
    tmp_path: Path,
) -> None:
    (told,) = played(tmp_path, MORE_ORDERS, "SM-DP+ fails at random")

    assert (told["lost"], told["orders"]) == ([], MORE_ORDERS)


def played(folder: Path, orders: int, only: str) -> list[dict[str, Any]]:
    """Play these faults; what is broken is the run's own, not the services of this process."""
    report = folder / "chaos.json"
    options = ["--orders", str(orders), "--seed", str(SEED), "--outage", str(OUTAGE)]
    subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options, "--only", only, "--json", str(report)],
        cwd=ROOT,
        check=False,
    )
    told: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["faults"]
    return told
