"""A copy of this machine on which the commands of docs/operate.md run, with its own systemd.

It needs root or passwordless sudo, and a kernel that lets root make namespaces.
"""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from demo.parts import ROOT

AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n", "-E"]
BOOT_WITHIN, START_WITHIN = 900.0, 60.0
# How `apt-get` and `pip` reach their servers on this machine.
_PASSED_ON = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY")
Say = Callable[[str], None]


class WalkFailed(Exception):
    """A command of the page failed, or the copy did not boot; the message says which."""


def can_run() -> bool:
    """Return whether this user may make the copy."""
    command = [*AS_ROOT, "unshare", "--mount", "--pid", "--net", "--fork", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Host:
    """The booted copy. `systemd` is its first process, as this machine numbers it."""

    def __init__(self, systemd: int) -> None:
        self._systemd = systemd

    def run(self, commands: str, say: Say) -> None:
        """Run commands in one shell of root; raises `WalkFailed` at the first that fails."""
        enter = ["nsenter", "--target", str(self._systemd), "--all", "--root"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        shell = ["bash", "-c", "cd / && exec bash -s"]
        _stream([*AS_ROOT, *enter, *clean, *shell], commands, say)

    def is_running(self) -> bool:
        command = [*AS_ROOT, "nsenter", "--target", str(self._systemd), "--all", "--root"]
        done = subprocess.run(
            [*command, "systemctl", "is-system-running"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() in {"running", "degraded"}


@contextlib.contextmanager
def booted(first: str) -> Iterator[Host]:
    """Boot a copy of this machine after the commands in `first`, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="walk-") as name:
        folder = Path(name)
        (folder / "copy").mkdir()
        (folder / "first").write_text(first, encoding="utf-8")
        script = str(ROOT / "tests" / "walk" / "host.sh")
        command = [*AS_ROOT, "unshare", "--mount", "sh", script, name, str(ROOT)]
        process = subprocess.Popen(
            command, env=_environment(), stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            host = Host(_wait_for_systemd(process, folder))
            _wait_until(host.is_running, START_WITHIN, process)
            yield host
        finally:
            _end(process, folder)


def _environment() -> dict[str, str]:
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        **{name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)},
    }


def _stream(command: list[str], commands: str, say: Say) -> None:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(commands)
        process.stdin.close()
        last = ""
        for line in process.stdout:
            last = line.rstrip("\n")
            say(last)
    if process.returncode:
        raise WalkFailed(f"a command ended with {process.returncode} after: {last}")


def _wait_for_systemd(process: "subprocess.Popen[bytes]", folder: Path) -> int:
    """Return the process id of the copy's systemd once it exists."""
    found: list[int] = []

    def is_there() -> bool:
        for group in _groups(folder):
            for pid in _pids(group):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "systemd\n":
                        found.append(pid)
        return bool(found)

    _wait_until(is_there, BOOT_WITHIN, process)
    return min(found)


def _groups(folder: Path) -> list[Path]:
    """Return the copy's control groups, one for each hierarchy."""
    listed = folder / "groups"
    return [Path(line) for line in listed.read_text().splitlines()] if listed.exists() else []


def _pids(group: Path) -> list[int]:
    return [
        int(pid) for file in group.rglob("cgroup.procs") for pid in file.read_text().splitlines()
    ]


def _wait_until(
    is_true: Callable[[], bool], seconds: float, process: "subprocess.Popen[bytes]"
) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise WalkFailed("the copy of this machine did not boot")
        time.sleep(0.1)


def _end(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """End the copy and remove its control groups.

    The kernel ends all processes of the copy with the first one.
    """
    pids = {pid for group in _groups(folder) for pid in _pids(group)}
    targets = [f"-{process.pid}", *(str(pid) for pid in pids)]
    subprocess.run([*AS_ROOT, "kill", "-KILL", "--", *targets], capture_output=True, check=False)
    process.wait()
    for group in _groups(folder):
        remove = ["find", str(group), "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]
        for _ in range(50):
            done = subprocess.run([*AS_ROOT, *remove], capture_output=True, check=False)
            if not done.returncode:
                break
            time.sleep(0.1)
