"""`make run`: the whole portal with its simulators and demo data, until Ctrl-C.

Listens on PORT (the portal) and on the next seven ports with the simulators: PORT+1 (SM-DP+),
PORT+2 (payment), PORT+3 (network), PORT+4 (messages), PORT+5 (customer system), PORT+6 (vouchers)
and PORT+7 (the operator's billing). Stores everything under `var/` and downloads nothing.
"""

import base64
import fcntl
import json
import os
import re
import secrets
import signal
import socket
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from demo.health import complaints, is_ready
from demo.output import Output
from demo.parts import FILES_BROKER, LOOPBACK, ROOT, Copy, environment, parts, preparation
from demo.supervisor import Supervisor

VAR = ROOT / "var"
READY_WITHIN = 60.0
LAST_FIRST_PORT = 65535 - 7
LOGS = VAR / "log"


class CannotRun(Exception):
    """`make run` cannot start; the message is for the person who typed it."""


def main() -> int:
    stop_request = StopRequest()
    try:
        with ExitStack() as resources:
            resources.enter_context(_lock_var())
            copy = find_copy(os.environ.get("PORT") or "8000")
            _check_ports(copy)
            output = Output(LOGS)
            resources.callback(output.close)
            supervisor = Supervisor(
                environment=environment(copy, outside=os.environ), say=output.write
            )
            resources.callback(supervisor.stop)
            _serve(copy, supervisor, output, stop_request)
    except CannotRun as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


class StopRequest:
    """Whether the run must stop.

    It must if this process has received a signal, or if only
    `make`, its parent, has received one.
    """

    def __init__(self) -> None:
        self._signalled = False
        self._parent = os.getppid()
        self._parent_catches = self._parent_catches_interrupt()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def is_made(self) -> bool:
        return self._signalled or self._parent_was_interrupted()

    def _note_signal(self, *_number_and_frame: object) -> None:
        self._signalled = True

    def _parent_was_interrupted(self) -> bool:
        # A SIGINT sent to make alone is not passed on: make
        # stops catching SIGINT and waits.
        return self._parent_catches and (
            os.getppid() != self._parent or not self._parent_catches_interrupt()
        )

    def _parent_catches_interrupt(self) -> bool:
        with suppress(OSError):
            status = Path(f"/proc/{self._parent}/status").read_text(encoding="ascii")
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
            if caught and re.search(r"^Name:\s*g?make$", status, re.MULTILINE):
                return bool(int(caught[1], 16) & 1 << signal.SIGINT - 1)
        return False


def _serve(copy: Copy, supervisor: Supervisor, output: Output, stop_request: StopRequest) -> None:
    summary = VAR / "demo.txt"
    code = supervisor.run(preparation(summary), stopped=stop_request.is_made)
    if stop_request.is_made():
        return
    if code:
        raise CannotRun("The database could not be prepared; the lines above say why.")

    supervisor.start(parts(copy))
    _wait_until_ready(copy, supervisor, stop_request)
    if stop_request.is_made():
        return

    output.be_quiet()
    print(f"ready: {copy.web_url}/simulator/")
    print(
        f"Logs are in {LOGS.relative_to(ROOT)}/; from now on only warnings and errors appear here."
    )
    print(summary.read_text(encoding="utf-8"), flush=True)

    while not stop_request.is_made():
        supervisor.restart_ended()
        time.sleep(0.2)
    print("stopping", flush=True)


def _wait_until_ready(copy: Copy, supervisor: Supervisor, stop_request: StopRequest) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not is_ready(copy):
        supervisor.restart_ended()
        if stop_request.is_made():
            return
        if time.monotonic() > deadline:
            missing = [f"{name} is not running" for name in supervisor.missing()]
            raise CannotRun(
                "\n  ".join([f"Not ready after {READY_WITHIN:.0f} s:", *missing, *complaints(copy)])
            )
        time.sleep(0.3)


def _lock_var() -> IO[str]:
    """Lock `var/` until the returned file is closed; raises `CannotRun` if another run has it."""
    VAR.mkdir(exist_ok=True)
    lock = (VAR / "run.lock").open("w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotRun("make run is already running in this folder. Stop it first.") from None
    return lock


def find_copy(port: str) -> Copy:
    """Return the installation under `var/` at this port. Raises `CannotRun`."""
    if not port.isdecimal() or not 0 < int(port) <= LAST_FIRST_PORT:
        raise CannotRun(f"PORT must be a number from 1 to {LAST_FIRST_PORT}, not {port!r}.")
    first = int(port)
    return Copy(
        folder=VAR,
        web_port=first,
        smdp_port=first + 1,
        payment_port=first + 2,
        network_port=first + 3,
        message_port=first + 4,
        customer_port=first + 5,
        voucher_port=first + 6,
        billing_port=first + 7,
        database_url=f"sqlite:///{VAR / 'portal.sqlite3'}",
        broker_url=FILES_BROKER,
        secrets=_secrets(VAR / "secrets.json"),
    )


def _check_ports(copy: Copy) -> None:
    simulators = (
        *(copy.smdp_port, copy.payment_port, copy.network_port),
        *(copy.message_port, copy.customer_port, copy.voucher_port, copy.billing_port),
    )
    taken = [str(port) for port in (copy.web_port, *simulators) if not _is_free(port)]
    if taken:
        raise CannotRun(
            f"Port {' and '.join(taken)} is already in use. "
            "Stop what uses it, or choose another first port, such as `make run PORT=8100`."
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _secrets(path: Path) -> dict[str, str]:
    """Return this installation's secrets; the first run makes them and stores them at `path`."""
    if not path.exists():
        # The file is complete before it has its name. Half a file would lose the keys,
        # and with them every sealed value in the database.
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(new_secrets()), encoding="ascii")
        draft.replace(path)
    kept: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    return kept


def new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "SEAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


if __name__ == "__main__":
    sys.exit(main())
