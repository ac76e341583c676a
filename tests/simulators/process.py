"""Starts a simulator as a process, as `make run` does."""

import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Simulator:
    process: subprocess.Popen[str]
    http: httpx.Client

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=5)


@contextmanager
def running(
    module: str, *options: str, verify: ssl.SSLContext | bool = True
) -> Iterator[Simulator]:
    """Run a simulator on a free port while the context lasts."""
    command = [sys.executable, "-m", module, "--port", "0", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().rsplit(" ", 1)[-1].strip()
        try:
            with httpx.Client(
                base_url=address, timeout=5, trust_env=False, verify=verify
            ) as client:
                yield Simulator(process, client)
        finally:
            process.kill()


def refused_to_start(module: str, *options: str) -> str:
    """Return the error of a simulator that does not start with these options."""
    command = [sys.executable, "-m", module, "--port", "0", *options]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr
