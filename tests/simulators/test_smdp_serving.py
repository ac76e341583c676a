"""The simulator as a process: its requirements and its speed."""

import subprocess
import sys
import time

import httpx

from tests.simulators.process import ROOT


def test_answers_on_a_kept_connection_do_not_stall(smdp: httpx.Client) -> None:
    began = time.monotonic()

    for _ in range(50):
        assert smdp.get("/healthz").headers["Content-Length"] == "16"

    assert time.monotonic() - began < 1


def test_the_simulator_needs_only_the_standard_library() -> None:
    # -S leaves out every installed package.
    command = [sys.executable, "-S", "-E", "-m", "simulators.smdp", "--help"]

    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "Simulates an SM-DP+" in shown.stdout
