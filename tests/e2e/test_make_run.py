"""`make run`: what it prints, what it keeps, which ports it takes, and what it leaves behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo.parts import LOOPBACK, ROOT

READY_WITHIN = 60.0
GONE_WITHIN = 15.0
BLOCK = 5
# What a checkout holds besides the product, and what an installation makes.
NOT_COPIED = shutil.ignore_patterns(".*", "var", "docs", "tests", "__pycache__")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the product, so that nobody's own `var/` is touched."""
    folder = tmp_path_factory.mktemp("clone") / "moportal"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    return folder


def test_a_run_gets_ready_keeps_its_data_and_leaves_nothing_behind(clone: Path) -> None:
    port = _free_block()
    with _run(clone, port) as first:
        said = _until_ready(first)
        iccid = _iccid_of(said, "unused SIM card")
        session = _session_group(first.pid)
        ports = _listening(session)
        secret = (clone / "var/secrets.json").read_text()
        assert httpx.get(_healthz(port), trust_env=False).status_code == 200
        _interrupt(first)
    with _run(clone, port) as second:
        begun = time.monotonic()
        again = _until_ready(second)
        _interrupt(second)

    assert f"ready: http://{LOOPBACK}:{port}/simulator/" in said
    assert ports == {port, port + 1, port + 2, port + 3}
    assert [pid for pid in session if Path(f"/proc/{pid}").exists()] == []
    assert _iccid_of(again, "unused SIM card") == iccid
    assert (clone / "var/secrets.json").read_text() == secret
    assert time.monotonic() - begun < READY_WITHIN / 2


def test_a_port_in_use_is_named_and_nothing_is_started(clone: Path) -> None:
    with socket.socket() as taken:
        # Whichever is free; nobody else can take it in between.
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port: int = taken.getsockname()[1] - 1
        with _run(clone, port) as refused:
            output, _ = refused.communicate(timeout=READY_WITHIN)

    assert refused.returncode == 1
    # Others may be taken too.
    assert "In use by something else: port " in output
    assert str(port + 1) in output


@contextmanager
def _run(clone: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start what `make run` starts; whatever happens, it is ended."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.run"],
        cwd=clone,
        env={**kept, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=GONE_WITHIN)


def _until_ready(process: subprocess.Popen[str]) -> str:
    """Return what is printed up to the last line of the demo accounts."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "with a plan" in line:
            return "".join(said)
    pytest.fail("".join(["not ready:\n", *said]))


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=GONE_WITHIN)
    assert process.returncode == 0


def _healthz(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/healthz"


def _iccid_of(said: str, name: str) -> str:
    found = re.search(rf"{name}\s+(\d+)", said)
    assert found is not None, said
    return str(found[1])


def _session_group(ancestor: int) -> set[int]:
    """Return the process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


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
    """Return the first of five ports in a row that nobody uses."""
    for first in range(21000, 31000, 17):
        if all(_is_free(first + offset) for offset in range(BLOCK)):
            return first
    pytest.fail("no five free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0
