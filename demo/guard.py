"""Ends process groups, also when the supervisor that started them is killed.

`python -m demo.guard` reads lines `+GROUP` and `-GROUP`, which add a group to its list and remove
it. Its input ends when the supervisor ends, even by `kill -9`. Then it ends every listed group.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

PATIENCE = 8.0


def end_groups(
    groups: Collection[int],
    *,
    patience: float = PATIENCE,
    first: signal.Signals = signal.SIGTERM,
    reap: Callable[[], object] = lambda: None,
) -> None:
    """Ask every group to end, and kill the groups that remain after `patience` seconds.

    `reap` is called meanwhile and must wait for ended children. Until then they still exist.
    """
    for group in groups:
        _signal(group, first)
    deadline = time.monotonic() + patience
    while any(_exists(group) for group in groups):
        if time.monotonic() > deadline:
            for group in groups:
                _signal(group, signal.SIGKILL)
            return
        time.sleep(0.05)
        reap()


def _signal(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Guard:
    """The supervisor's connection to a guard process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "demo.guard"],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._send(f"+{group}")

    def forget(self, group: int) -> None:
        self._send(f"-{group}")

    def dismiss(self) -> None:
        """End the guard, which first ends every group that it still watches."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _send(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    end_groups(groups)


if __name__ == "__main__":
    main()
