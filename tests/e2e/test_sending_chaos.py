"""Messages whose workers are killed and whose answers are lost, on services of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.parts import ROOT
from tests.chaos.sending import FAULTS

MESSAGES, SEED = 10, 20_261_129
# A write that is lost with its worker, a message that a server has already, a limit, and orders.
SAMPLE = [
    "killed at the answer, which is lost",
    "killed while a server has the message",
    "limits used up",
    "confirmations",
]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_messages_arrive_whatever_happens_to_the_worker_and_to_the_answers(tmp_path: Path) -> None:
    report = run_chaos(tmp_path / "sending.json", SAMPLE)

    assert [line["lost"] for line in report] == [[]] * len(SAMPLE)
    assert all(line["strikes"] for line in report)
    refused = [line["refused by a limit"] for line in report]
    assert [bool(count) for count in refused] == ["limits" in text for text in SAMPLE]
    assert all(line["sent"] + line["refused by a limit"] == line["messages"] for line in report)


def test_the_sample_names_faults() -> None:
    for text in SAMPLE:
        assert [fault for fault in FAULTS if text in fault.name]


def run_chaos(path: Path, only: list[str]) -> list[dict[str, Any]]:
    """Run these faults in another process with its own services. Return its report."""
    options = ["--messages", str(MESSAGES), "--strikes", "1", "--seed", str(SEED)]
    for name in only:
        options += ["--only", name]
    command = [sys.executable, "-m", "tests.chaos.sending", *options, "--json", str(path)]
    subprocess.run(command, cwd=ROOT, check=False)
    faults: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["faults"]
    return faults
