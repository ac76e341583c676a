"""Start the parts of a copy, keep them up, and leave nothing behind."""

import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from demo.guard import Guard, end_groups
from demo.parts import ROOT, Part

# A part may end this often within the window before it is left alone.
RESTARTS = 5
RESTART_WINDOW = 60.0

Say = Callable[[str, str], None]


class Supervisor:
    """Every part is the leader of a session of its own, so that a signal reaches all it started.

    `say` gets each line of output with the name of the part it came from.
    """

    def __init__(self, *, environment: Mapping[str, str], say: Say) -> None:
        self._environment = dict(environment)
        self._say = say
        self._guard = Guard()
        self._parts: dict[str, Part] = {}
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._ends: dict[str, deque[float]] = {}
        self._readers: list[threading.Thread] = []

    def start(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._parts[part.name] = part
            self._ends[part.name] = deque(maxlen=RESTARTS + 1)
            self._launch(part)

    def run(self, part: Part, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Run a part that ends by itself; `stopped` is asked meanwhile and ends it early."""
        process = self._launch(part)
        while process.poll() is None and not stopped():
            time.sleep(0.05)
        self._clear(part.name)
        return process.wait()

    def tend(self) -> None:
        """Start again what has ended by itself, within the bound."""
        for name, process in list(self._running.items()):
            if process.poll() is None:
                continue
            self._clear(name)
            ends = self._ends[name]
            ends.append(time.monotonic())
            how = _ending(process.returncode)
            if len(ends) > RESTARTS and ends[-1] - ends[0] < RESTART_WINDOW:
                self._say(name, f"{how}, and does not stay up: left stopped")
                continue
            self._say(name, f"{how}: starting it again")
            self._launch(self._parts[name])

    def missing(self) -> list[str]:
        """Name the parts that are not running."""
        return [
            name
            for name in self._parts
            if name not in self._running or self._running[name].poll() is not None
        ]

    def kill(self, name: str) -> None:
        """End a part as `kill -9` would; it stays down until `launch`."""
        self._clear(name)

    def launch(self, name: str) -> None:
        self._launch(self._parts[name])

    def stop(self) -> None:
        """Ask all parts to end, kill what does not, and wait until nothing is left."""
        processes = list(self._running.values())
        end_groups(
            [process.pid for process in processes],
            reap=lambda: [process.poll() for process in processes],
        )
        for process in processes:
            process.wait()
        for name in list(self._running):
            self._clear(name)
        self._guard.dismiss()
        for reader in self._readers:
            reader.join(timeout=1)

    def _launch(self, part: Part) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            part.command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._guard.watch(process.pid)
        self._running[part.name] = process
        if process.stdout:
            reader = threading.Thread(
                target=self._pass_on, args=(part.name, process.stdout), daemon=True
            )
            reader.start()
            self._readers.append(reader)
        return process

    def _pass_on(self, name: str, output: IO[str]) -> None:
        with output:
            for line in output:
                self._say(name, line.rstrip("\n"))

    def _clear(self, name: str) -> None:
        """Kill what a part has left of its group, so that a second one never works beside it."""
        process = self._running.pop(name)
        end_groups([process.pid], patience=2, first=signal.SIGKILL, reap=process.poll)
        process.wait()
        self._guard.forget(process.pid)


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    return f"ended with code {code}"
