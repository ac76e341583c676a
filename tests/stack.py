"""The whole product as processes on free ports, the way `make run` starts it, for the tests."""

import itertools
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import psycopg
import pytest

from demo.health import answer, complaints, is_ready
from demo.parts import FILES_BROKER, LOOPBACK, Copy, Part, environment, parts, preparation
from demo.run import new_secrets
from demo.supervisor import Supervisor
from tests.services import TEMPLATE, free_port
from tests.shell import Shell

Kind = Literal["sqlite", "postgresql"]
READY_WITHIN = 60.0
SETTINGS = "tests.stack_settings"
LINES_SHOWN = 120
_redis_stacks = itertools.count()


class Stack:
    """One running copy with demo data of its own: web, worker, beat and the simulators.

    `outside` changes what the environment says, such as SMDP_URL for a proxy on the way there.
    """

    def __init__(self, copy: Copy, outside: Mapping[str, str] | None = None) -> None:
        self.copy = copy
        self.base_url = copy.web_url
        self.smdp_url = copy.smdp_url
        self.payment_url = copy.payment_url
        self.network_url = copy.network_url
        self.message_url = copy.message_url
        self.customer_url = copy.customer_url
        self.voucher_url = copy.voucher_url
        self.billing_url = copy.billing_url
        # All customers of the tests have one device. Most tests read the portal's own codes.
        own = {"DEVICE_ORDER_LIMIT": "0", "CODE_SERVICE": "", "DJANGO_SETTINGS_MODULE": SETTINGS}
        self.environment = {**environment(copy), **own, **(outside or {})}
        self.summary = copy.folder / "demo.txt"
        self.log = copy.folder / "log"
        self._output: IO[str] = self.log.open("a", encoding="utf-8")
        self._shell = Shell(self.environment, self._output)
        self._writing = threading.Lock()
        self._supervisor = Supervisor(environment=self.environment, say=self._note)

    def start(self) -> None:
        code = self._supervisor.run(preparation(self.summary))
        if code:
            message = f"the stack's database could not be made ready:\n{self.tail()}"
            raise RuntimeError(message)
        self._supervisor.start(parts(self.copy))
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not is_ready(self.copy):
            if time.monotonic() > deadline:
                message = "\n".join(["the stack is not ready", *complaints(self.copy), self.tail()])
                raise RuntimeError(message)
            time.sleep(0.1)

    def manage(self, code: str) -> str:
        """Run Python inside the portal, beside its processes, and return what it prints."""
        return self._shell.run(code)

    @contextmanager
    def restarting_what_ends(self) -> Iterator[list[str]]:
        """Start each part again that ends within the context, as `make run` does.

        The list that is yielded gets the name of each part that has ended by itself.
        """
        ended, over = list[str](), threading.Event()

        def restart() -> None:
            while not over.wait(0.2):
                ended.extend(self._supervisor.restart_ended())

        thread = threading.Thread(target=restart, daemon=True)
        thread.start()
        try:
            yield ended
        finally:
            over.set()
            thread.join()

    def kill_worker(self) -> None:
        """End the worker as `kill -9` would; it stays down until `start_worker`."""
        self._supervisor.kill("worker")

    def start_worker(self) -> None:
        self._supervisor.launch("worker")

    def stop(self) -> None:
        """Kill all parts. How they end when they are asked is tested with `make run`."""
        self._shell.stop()
        self._supervisor.stop(first=signal.SIGKILL)
        with self._writing:
            self._output.close()

    def tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LINES_SHOWN:])

    def _note(self, name: str, line: str) -> None:
        with self._writing:
            if not self._output.closed:
                self._output.write(f"{name:>7} | {line}\n")
                self._output.flush()


@pytest.fixture(scope="session")
def sqlite_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running copy on SQLite and the broker that needs no server, as `make run` has it."""
    with running_stack(make_copy("sqlite", tmp_path_factory.mktemp("sqlite"))) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running copy on PostgreSQL and Redis, as production has it."""
    with running_stack(make_copy("postgresql", tmp_path_factory.mktemp("postgresql"))) as running:
        yield running


# For a test that would say nothing new on the other one.
on_sqlite = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("stack", ["postgresql"], indirect=True)


# PostgreSQL is the product; SQLite serves `make run`, and is walked in the long form.
@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Return each of the two copies in turn."""
    running: Stack = request.getfixturevalue(f"{request.param}_stack")
    return running


@pytest.fixture(scope="session")
def smdp_simulator() -> Iterator[str]:
    """Return the base URL of an SM-DP+ simulator for tests in this process."""
    with running_simulator("smdp") as url:
        yield url


@pytest.fixture(scope="session")
def payment_simulator() -> Iterator[str]:
    """Return the base URL of a payment simulator for tests in this process."""
    with running_simulator("payment") as url:
        yield url


@pytest.fixture(scope="session")
def network_simulator() -> Iterator[str]:
    """Return the base URL of a network simulator for tests in this process."""
    with running_simulator("network") as url:
        yield url


@pytest.fixture(scope="session")
def message_simulator() -> Iterator[str]:
    """Return the base URL of a message simulator for tests in this process."""
    with running_simulator("messages") as url:
        yield url


@pytest.fixture(scope="session")
def customer_simulator() -> Iterator[str]:
    """Return the base URL of a customer system simulator for tests in this process."""
    with running_simulator("customers") as url:
        yield url


@pytest.fixture(scope="session")
def voucher_simulator() -> Iterator[str]:
    """Return the base URL of a voucher simulator for tests in this process."""
    with running_simulator("vouchers") as url:
        yield url


@pytest.fixture(scope="session")
def billing_simulator() -> Iterator[str]:
    """Return the base URL of a billing simulator for tests in this process."""
    with running_simulator("carrier_billing") as url:
        yield url


@pytest.fixture(scope="session")
def stripe_simulator() -> Iterator[str]:
    """Return the base URL of a stand-in for Stripe for tests in this process."""
    with running_simulator("stripe") as url:
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the stack's processes said when a test on it fails."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            # A copy behind proxies holds its stack.
            stack = getattr(value, "stack", value)
            if isinstance(stack, Stack):
                report.sections.append((f"output of {name}", stack.tail()))
    return report


@contextmanager
def running_stack(copy: Copy, outside: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Run a copy for as long as the context lasts."""
    running = Stack(copy, outside)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def make_copy(kind: Kind, folder: Path) -> Copy:
    """Return a copy on free ports with a database and a broker of its own."""
    database_url, broker_url = f"sqlite:///{folder / 'portal.sqlite3'}", FILES_BROKER
    if kind == "postgresql":
        database_url, broker_url = _fresh_database(), _redis_database()
    return Copy(
        folder=folder,
        web_port=free_port(),
        smdp_port=free_port(),
        payment_port=free_port(),
        network_port=free_port(),
        message_port=free_port(),
        customer_port=free_port(),
        voucher_port=free_port(),
        billing_port=free_port(),
        database_url=database_url,
        broker_url=broker_url,
        secrets=new_secrets(),
    )


def _fresh_database() -> str:
    """Make a database, as a copy of the template where pytest has made one."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    name = f"stack_{os.getpid()}_{free_port()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        template = TEMPLATE if found.fetchone() else "template1"
        names = psycopg.sql.Identifier(name), psycopg.sql.Identifier(template)
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return f"{server}/{name}"


def _redis_database() -> str:
    """Return a database of its own for each stack; number 0 is for tests inside pytest."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = 1 + worker + workers * next(_redis_stacks)
    return f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"


@contextmanager
def running_simulator(name: str, *more: str) -> Iterator[str]:
    """Run a simulator, with more options if there are any, and yield its address."""
    said: list[str] = []
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        supervisor = Supervisor(
            environment={**os.environ, "PYTHONUNBUFFERED": "1"},
            say=lambda _, line: said.append(line),
        )
        store = Path(folder) / f"{name}.sqlite3"
        options = ["--port", str(port), "--store", str(store), *more]
        supervisor.start([Part(name, (sys.executable, "-m", f"simulators.{name}", *options))])
        url = f"http://{LOOPBACK}:{port}"
        try:
            deadline = time.monotonic() + READY_WITHIN
            while answer(url)[0] != 200:
                if time.monotonic() > deadline:
                    raise RuntimeError("\n".join([f"the {name} simulator is not there", *said]))
                time.sleep(0.05)
            yield url
        finally:
            supervisor.stop(first=signal.SIGKILL)
