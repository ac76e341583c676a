"""The simulator as a process: what it needs, and how it serves."""

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


def test_it_stands_on_the_standard_library_alone() -> None:
    # Without the site's packages, as where nothing is installed.
    command = [sys.executable, "-S", "-E", "-m", "simulators.smdp", "--help"]

    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "An SM-DP+ simulator" in shown.stdout
