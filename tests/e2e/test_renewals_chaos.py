"""A sample of `make chaos-renewals`: every mishap, fewer plans."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.parts import ROOT


@pytest.mark.long
@pytest.mark.timeout(300)
def test_all_books_agree_after_plans_renewed_under_every_mishap(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    options = ["--plans", "12", "--months", "1", "--strikes", "1", "--json", str(path)]
    subprocess.run([sys.executable, "-m", "tests.chaos.renewals", *options], cwd=ROOT, check=False)
    report = json.loads(path.read_text(encoding="utf-8"))

    assert report["wrong"] == []
    assert report["counts"]["months paid"] >= 12
    assert sum(report["strikes"]["killed"].values()) > 10
