"""Start the parts of a copy, restart those that end, and leave no process behind."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from demo.guard import Guard, end_groups
from demo.parts import ROOT, Part
from demo.restarts import Restarts

Say = Callable[[str, str], None]


class Supervisor:
    """Runs each part in its own session, so that a signal reaches every process of the part.

    `say` receives a part's name and one line: of its output, or about its end. `clock` returns
    seconds that never go back. Several threads may use one supervisor.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = dict(environment)
        self._say = say
        self._clock = clock
        self._guard = Guard()
        self._parts: dict[str, Part] = {}
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._restarts: dict[str, Restarts] = {}
        # When each part that has ended is started again.
        self._due: dict[str, float] = {}
        self._readers: list[threading.Thread] = []
        # Between two steps of one change, no other thread may see or change the parts.
        self._changing = threading.RLock()

    def start(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._parts[part.name] = part
            self.launch(part.name)

    def run(self, part: Part, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Run a part until it ends, or until `stopped` returns true; return its exit code."""
        process = self._launch(part)
        while process.poll() is None and not stopped():
            time.sleep(0.05)
        self._clear(part.name)
        return process.wait()

    def restart_ended(self) -> list[str]:
        """Start each part again that has ended, after a delay that grows with every restart.

        Return the names of the parts that have ended since the last call.
        """
        with self._changing:
            now = self._clock()
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            for name in ended:
                self._note_end(name, now)
            for name, due in list(self._due.items()):
                if now >= due:
                    self.launch(name)
            return ended

    def _note_end(self, name: str, now: float) -> None:
        code = self._running[name].returncode
        self._clear(name)
        delay = self._restarts[name].next_delay(now)
        self._due[name] = now + delay
        self._say(name, f"{_ending(code)}; starting it again in {delay:g} s")

    def missing(self) -> list[str]:
        """Name the parts that are not running."""
        return [
            name
            for name in self._parts
            if name not in self._running or self._running[name].poll() is not None
        ]

    def kill(self, name: str) -> None:
        """End a part as `kill -9` would. It is not started again before `launch`."""
        with self._changing:
            self._due.pop(name, None)
            if name in self._running:
                self._clear(name)

    def launch(self, name: str) -> None:
        """Start a part that `start` already knows."""
        with self._changing:
            self._due.pop(name, None)
            self._restarts.setdefault(name, Restarts()).note_start(self._clock())
            self._launch(self._parts[name])

    def stop(self, *, first: signal.Signals = signal.SIGTERM) -> None:
        """Send `first` to all parts, kill those that do not end, and wait until none is left."""
        with self._changing:
            self._due.clear()
            self._end_all(first)
        self._guard.dismiss()
        for reader in self._readers:
            reader.join(timeout=1)

    def _end_all(self, first: signal.Signals) -> None:
        processes = list(self._running.values())
        end_groups(
            [process.pid for process in processes],
            first=first,
            reap=lambda: [process.poll() for process in processes],
        )
        for process in processes:
            process.wait()
        for name in list(self._running):
            self._clear(name)

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
                target=self._say_lines, args=(part.name, process.stdout), daemon=True
            )
            reader.start()
            self._readers = [*(one for one in self._readers if one.is_alive()), reader]
        return process

    def _say_lines(self, name: str, output: IO[str]) -> None:
        with output:
            for line in output:
                self._say(name, line.rstrip("\n"))

    def _clear(self, name: str) -> None:
        """Kill the part and the processes it started. Otherwise the part could run twice."""
        process = self._running.pop(name)
        end_groups([process.pid], patience=2, first=signal.SIGKILL, reap=process.poll)
        process.wait()
        self._guard.forget(process.pid)


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    return f"ended with code {code}"
