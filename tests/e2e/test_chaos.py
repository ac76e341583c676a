"""Orders under every fault of `make chaos`, twenty each, on services of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.parts import ROOT
from tests.chaos.faults import FAULTS

ORDERS, SEED, OUTAGE = 20, 20_261_121, 8


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_mixed_up_whatever_breaks(tmp_path: Path) -> None:
    report = tmp_path / "chaos.json"
    options = ["--orders", str(ORDERS), "--seed", str(SEED), "--outage", str(OUTAGE)]

    # What it breaks is its own: other tests stand on the services of this process.
    subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options, "--json", str(report)],
        cwd=ROOT,
        check=False,
    )

    told = json.loads(report.read_text(encoding="utf-8"))["faults"]
    assert [line["lost"] for line in told] == [[]] * len(FAULTS)
    assert [line["orders"] for line in told] == [ORDERS] * len(FAULTS)
