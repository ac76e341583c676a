"""The servers to measure: granian with the same number of workers, each on its own port."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demo.guard import Guard, end_groups
from demo.parts import LOOPBACK, ROOT
from tests.services import free_port

READY_WITHIN = 60.0


@dataclass(frozen=True)
class Kind:
    """An application that granian serves, and granian's options for it."""

    name: str
    application: str
    options: tuple[str, ...]


# With this timeout an idle thread stays and keeps its database connection.
_WSGI = (
    *("--interface", "wsgi", "--blocking-threads", "1"),
    *("--blocking-threads-idle-timeout", "600"),
)
PORTAL = Kind("portal", "moportal.wsgi:application", _WSGI)
KINDS = (
    PORTAL,
    Kind("bare", "bench.anchors.bare:application", _WSGI),
    Kind("fast", "bench.anchors.fast:app", ("--interface", "asgi", "--loop", "uvloop")),
    Kind("stock", "bench.anchors.stock:application", _WSGI),
    Kind("empty", "bench.anchors.empty:application", _WSGI),
)


@dataclass(frozen=True)
class Server:
    """A running server. `pid` is granian's own process, whose children are its workers."""

    kind: Kind
    port: int
    pid: int


class Servers:
    """Starts and ends servers. Their logs are in `folder`."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder, self._guard = folder, guard

    @contextmanager
    def running(self, kind: Kind, workers: int) -> Iterator[Server]:
        """Run a server within the context."""
        port = free_port()
        options = ["--host", LOOPBACK, "--port", str(port), "--workers", str(workers)]
        options += ["--http", "1", "--no-ws", "--log-level", "warning", *kind.options]
        with (self._folder / f"{kind.name}.log").open("ab") as log:
            process = self._start(options, kind.application, log)
        self._guard.watch(process.pid)
        try:
            self._wait_for(port, process, kind)
            yield Server(kind, port, process.pid)
        finally:
            end_groups([process.pid], reap=process.poll)
            process.wait()
            self._guard.forget(process.pid)

    def _start(self, options: list[str], served: str, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "granian", *options, served],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _wait_for(self, port: int, process: "subprocess.Popen[bytes]", kind: Kind) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
            try:
                connection.request("GET", "/livez")
                connection.getresponse()
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / f"{kind.name}.log").read_text(errors="replace")
                    raise RuntimeError(f"{kind.name} does not answer:\n{log}") from None
                time.sleep(0.05)
            else:
                return
            finally:
                connection.close()
