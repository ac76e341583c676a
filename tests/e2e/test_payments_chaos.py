"""A sample of `make chaos-payments` for each gateway: every mishap, fewer payments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.parts import ROOT
from tests.chaos.payments.gateways import GATEWAYS

PAYMENTS = 60


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("gateway", list(GATEWAYS))
def test_all_books_agree_after_every_mishap(tmp_path: Path, gateway: str) -> None:
    path = tmp_path / "report.json"
    options = ["--gateway", gateway, "--payments", str(PAYMENTS), "--strikes", "1"]
    command = [sys.executable, "-m", "tests.chaos.payments", *options, "--json", str(path)]
    subprocess.run(command, cwd=ROOT, check=False)
    report = json.loads(path.read_text(encoding="utf-8"))

    assert report["wrong"] == []
    # Some amounts are less than a gateway takes, so that no order is accepted.
    assert report["payments"] > PAYMENTS / 2
    assert report["counts"]["times away for 72 hours"] == 1
    assert sum(report["strikes"]["killed"].values()) > 0
