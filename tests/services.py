"""A throwaway PostgreSQL and Redis for the time of one command: `python -m tests.services -- CMD`.

Both listen on free ports of the loopback only, keep nothing, and are gone afterwards.
"""

import contextlib
import os
import pwd
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
            "DATABASE_URL": held.enter_context(_postgresql(folder / "postgresql", guard)),
            "REDIS_URL": held.enter_context(_redis(folder / "redis", guard)),
        }
        return _run(command, {**os.environ, **new_secrets(), **_demo(), **addresses})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _demo() -> dict[str, str]:
    nobody = f"http://{LOOPBACK}:9"
    return {
        "DEMO": "1",
        "SIMULATORS": "1",
        # A test that needs what is outside says so by a fixture, which sets the address.
        "SMDP_URL": nobody,
        "PAYMENT_GATEWAY_URL": nobody,
        # Playwright keeps an event loop in the test's own thread; no test awaits the database.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }


@contextlib.contextmanager
def _postgresql(folder: Path, guard: Guard) -> Iterator[str]:
    binaries = _postgresql_binaries()
    folder.mkdir()
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam(POSTGRESQL_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    store = folder / "store"
    made = subprocess.run(  # type: ignore[call-overload]  # the three keywords above
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
    port = free_port()
    options = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",
        "max_connections": 200,
        # Losing everything in a crash is what a throwaway server is for.
        **dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off"),
    }
    command = [str(binaries / "postgres"), "-D", str(store)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgres://moportal@{LOOPBACK}:{port}/postgres"
    # SIGINT is PostgreSQL's fast stop: it does not wait for clients to go.
    with _server(command, folder, guard, stop=signal.SIGINT, as_user=as_user) as running:
        _wait(lambda: _accepts(binaries, port), running, folder)
        yield url


@contextlib.contextmanager
def _redis(folder: Path, guard: Guard) -> Iterator[str]:
    binary = shutil.which("redis-server")
    if not binary:
        sys.exit("redis-server is missing: run `make services`.")
    folder.mkdir()
    port = free_port()
    command = [binary, "--port", str(port), "--bind", LOOPBACK, "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no"]
    with _server(command, folder, guard, stop=signal.SIGTERM, as_user={}) as running:
        _wait(lambda: _answers(port), running, folder)
        yield f"redis://{LOOPBACK}:{port}/0"


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


@contextlib.contextmanager
def _server(
    command: list[str],
    folder: Path,
    guard: Guard,
    *,
    stop: signal.Signals,
    as_user: dict[str, object],
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # as above
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **as_user,
        )
    guard.watch(process.pid)
    try:
        yield process
    finally:
        end_groups([process.pid], first=stop, reap=process.poll)
        process.wait()
        guard.forget(process.pid)


def _wait(is_there: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            log = (folder / "log").read_text(encoding="utf-8", errors="replace")
            sys.exit(f"{folder.name} did not start:\n{log}")
        time.sleep(0.05)


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
    # A terminal sends Ctrl-C to the command itself too; only the servers wait for its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
