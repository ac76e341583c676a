"""`make run`: what it prints, logs and stores, which ports it uses, and what it leaves behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from demo.parts import LOOPBACK, ROOT

pytestmark = pytest.mark.processes
READY_WITHIN = 60.0
GONE_WITHIN = 15.0
BLOCK = 8
# Part of the last line of the demo accounts.
SUMMARY_ENDS = "on an eSIM"
# Files of a checkout that are no part of the product, and files that an installation makes.
NOT_COPIED = shutil.ignore_patterns(".*", "var", "docs", "tests", "__pycache__")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the product, so that the developer's own `var/` is not touched."""
    folder = tmp_path_factory.mktemp("clone") / "moportal"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    return folder


def test_a_run_gets_ready_keeps_its_data_and_leaves_nothing_behind(clone: Path) -> None:
    """The second run is also the one whose parts are killed: each start takes seconds."""
    port = _free_block()
    with _run(clone, port) as first:
        printed = _read_until(first, SUMMARY_ENDS)
        iccid = _iccid_of(printed, "SIM without a plan")
        processes = _descendants(first.pid)
        ports = _listening(processes)
        secret = (clone / "var/secrets.json").read_text()
        assert httpx.get(_readyz(port), trust_env=False).status_code == 200
        _interrupt(first)
    left = [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    begun = time.monotonic()
    with _run(clone, port) as second:
        printed_again = _read_until(second, SUMMARY_ENDS)
        ready_after = time.monotonic() - begun
        _check_restarts(clone, second)

    assert f"ready: http://{LOOPBACK}:{port}/simulator/" in printed
    assert "Logs are in var/log/" in printed
    assert ports == {port + number for number in range(BLOCK)}
    assert left == []
    assert _iccid_of(printed_again, "SIM without a plan") == iccid
    assert (clone / "var/secrets.json").read_text() == secret
    assert ready_after < READY_WITHIN / 2


def _check_restarts(clone: Path, running: subprocess.Popen[str]) -> None:
    """Kill worker and beat of a ready run. It prints that it starts them again, and no more."""
    worker_log, beat_log = clone / "var/log/worker.log", clone / "var/log/beat.log"
    starts = [worker_log.read_text().count("celery@"), beat_log.read_text().count("beat: Starting")]
    logged = beat_log.stat().st_size
    _wait_for(lambda: beat_log.stat().st_size > logged)
    os.kill(_part(running.pid, "worker"), signal.SIGKILL)
    after_ready = _read_until(running, "starting it again")
    os.kill(_part(running.pid, "beat"), signal.SIGKILL)
    after_ready += _read_until(running, "beat | killed")
    _wait_for(lambda: worker_log.read_text().count("celery@") > starts[0])
    _wait_for(lambda: beat_log.read_text().count("beat: Starting") > starts[1])
    after_ready += _interrupt(running)

    assert " worker | killed by signal 9; starting it again in 1 s\n" in after_ready
    assert "   beat | killed by signal 9; starting it again in 1 s\n" in after_ready
    assert "level=info" not in after_ready
    assert "level=info" in beat_log.read_text()


def test_a_port_in_use_is_named_and_nothing_is_started(clone: Path) -> None:
    with socket.socket() as taken:
        # The system chooses a free port, and no other process can take it in between.
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port: int = taken.getsockname()[1] - 1
        with _run(clone, port) as refused:
            output, _ = refused.communicate(timeout=READY_WITHIN)

    assert refused.returncode == 1
    # The other ports of the block may be in use too.
    assert re.search(rf"^Port (\d+ and )*{port + 1}( and \d+)* is already in use", output)


@contextmanager
def _run(clone: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start what `make run` starts, and end it in any case."""
    environment = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.run"],
        cwd=clone,
        env={**environment, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=GONE_WITHIN)


def _read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return what is printed up to and with the first line that contains `text`."""
    assert process.stdout is not None
    printed: list[str] = []
    for line in process.stdout:
        printed.append(line)
        if text in line:
            return "".join(printed)
    pytest.fail("".join([f"ended without {text!r}:\n", *printed]))


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _interrupt(process: subprocess.Popen[str]) -> str:
    """Stop the run as Ctrl-C does, and return what it printed meanwhile."""
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=GONE_WITHIN)
    assert process.returncode == 0
    return output


def _readyz(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/readyz"


def _iccid_of(printed: str, name: str) -> str:
    found = re.search(rf"{name}\s+(\d+)", printed)
    assert found is not None, printed
    return str(found[1])


def _part(run: int, name: str) -> int:
    """Return the first process of a Celery part: a child of the run."""
    parents = _parents()
    for pid in _descendants(run):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            # A process of a part that was killed just now.
            continue
        if parents.get(pid) == run and {"celery", name} <= set(command):
            return pid
    pytest.fail(f"no {name} is running")


def _descendants(ancestor: int) -> set[int]:
    """Return the process and every process that descends from it."""
    parents = _parents()
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _parents() -> dict[int, int]:
    """Return the parent of each process on this machine."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
    return parents


def _listening(pids: set[int]) -> set[int]:
    """Return the TCP ports on which these processes listen."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except FileNotFoundError:
                continue
            inodes |= set(re.findall(r"socket:\[(\d+)\]", target))

    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows += Path("/proc/net/tcp6").read_text().splitlines()[1:]
    sockets = [row.split() for row in rows]
    listening = "0A"
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in sockets
        if row[3] == listening and row[9] in inodes
    }


def _free_block() -> int:
    """Return the first of so many free ports in a row, apart from those of the other workers."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for first in range(21000 + 1000 * worker, 22000 + 1000 * worker, 17):
        if all(_is_free(first + offset) for offset in range(BLOCK)):
            return first
    pytest.fail("too few free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0
