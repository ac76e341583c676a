"""A throwaway PostgreSQL and Redis for the time of one command: `python -m tests.services -- CMD`.

Both listen on free ports of the loopback only, keep nothing, and are gone afterwards.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from demo.guard import Guard, end_groups
from demo.parts import LOOPBACK
from demo.run import new_secrets

START_WITHIN = 30.0
POSTGRESQL_USER = "postgres"
PORTS = range(10_000, 32_000)
# The database with the migrated schema, of which pytest makes copies.
TEMPLATE = "moportal_template"


def main() -> int:
    command = sys.argv[2:]
    if sys.argv[1:2] != ["--"] or not command:
        print("usage: python -m tests.services -- COMMAND…", file=sys.stderr)
        return 2
    with contextlib.ExitStack() as held:
        guard = Guard()
        held.callback(guard.dismiss)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="services-")))
        folder.chmod(0o755)
        addresses = {
            "DATABASE_URL": held.enter_context(postgresql(folder / "postgresql", guard)).url,
            "REDIS_URL": held.enter_context(redis(folder / "redis", guard)).url,
        }
        return _run(command, {**os.environ, **new_secrets(), **_demo(), **addresses})


class Server:
    """A server at an address of its own: started, ended, and started there again."""

    def __init__(
        self,
        url: str,
        command: list[str],
        folder: Path,
        guard: Guard,
        *,
        answers: Callable[[], bool],
        as_user: dict[str, object] | None = None,
    ) -> None:
        self.url = url
        self._command, self._folder, self._guard = command, folder, guard
        self._answers, self._as_user = answers, as_user or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]  # user and groups
                self._command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._as_user,
            )
        self._guard.watch(self._process.pid)
        deadline = time.monotonic() + START_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                sys.exit(f"{self._folder.name} did not start:\n{said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; for PostgreSQL, SIGINT is the stop that does not wait for clients to go."""
        process, self._process = self._process, None
        if process is not None:
            end_groups([process.pid], first=signal.SIGINT, reap=process.poll)
            process.wait()
            self._guard.forget(process.pid)


def free_port() -> int:
    """Return a port of the loopback on which nothing listens.

    Linux gives outgoing connections the ports from 32768 on. One of those could be taken again
    before a server, which needs seconds to start, listens on it.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def _demo() -> dict[str, str]:
    nobody = f"http://{LOOPBACK}:9"
    return {
        "DEMO": "1",
        "SIMULATORS": "1",
        # A test that needs what is outside says so by a fixture, which sets the address.
        "SMDP_URL": nobody,
        "PAYMENT_GATEWAY_URL": nobody,
        "NETWORK": "subscriptions.networks.warm.AlwaysWarm",
        # Playwright keeps an event loop in the test's own thread;
        # no test awaits the database.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }


def _create_store(binaries: Path, store: Path, as_user: dict[str, object]) -> None:
    made = subprocess.run(  # type: ignore[call-overload]  # the three keywords of `as_user`
        [
            *(binaries / "initdb", "--pgdata", store, "--username", "moportal", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **as_user,
    )
    if made.returncode:
        sys.exit(f"initdb failed: {made.stderr}")


@contextlib.contextmanager
def postgresql(folder: Path, guard: Guard, **settings: str) -> Iterator[Server]:
    """Run a new PostgreSQL with nothing in it; `settings` are its own."""
    binaries = _postgresql_binaries()
    folder.mkdir()
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam(POSTGRESQL_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    store = folder / "store"
    _create_store(binaries, store, as_user)
    port = free_port()
    options = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "max_connections": 200,
        # The machine's fall may lose everything, which is what a throwaway server is for;
        # what was committed survives the server's own (`make chaos`).
        "fsync": "off",
        **settings,
    }
    command = [str(binaries / "postgres"), "-D", str(store)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgres://moportal@{LOOPBACK}:{port}/postgres"
    server = Server(
        url, command, folder, guard, answers=lambda: _accepts(binaries, port), as_user=as_user
    )
    with _running(server):
        yield server


@contextlib.contextmanager
def redis(folder: Path, guard: Guard) -> Iterator[Server]:
    """Run a new Redis, which forgets everything when it ends."""
    binary = shutil.which("redis-server")
    if not binary:
        sys.exit("redis-server is missing: run `make services`.")
    folder.mkdir()
    port = free_port()
    command = [binary, "--port", str(port), "--bind", LOOPBACK, "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--databases", "64"]
    url = f"redis://{LOOPBACK}:{port}/0"
    with _running(Server(url, command, folder, guard, answers=lambda: _answers(port))) as server:
        yield server


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _postgresql_binaries() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if found:
        return found[-1]
    elsewhere = shutil.which("initdb")
    if not elsewhere:
        sys.exit("PostgreSQL is missing: run `make services`.")
    return Path(elsewhere).parent


def _accepts(binaries: Path, port: int) -> bool:
    ask = [str(binaries / "pg_isready"), "--quiet", "--host", LOOPBACK, "--port", str(port)]
    return subprocess.run(ask, check=False).returncode == 0


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1) as line:
        line.sendall(b"PING\r\n")
        return line.recv(16).startswith(b"+PONG")
    return False


def _run(command: list[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=environment)

    def pass_on(number: int, _frame: object) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    # A terminal sends Ctrl-C to the command itself too; only
    # the servers wait for its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
