"""One copy of the product as production runs it, on throwaway services.

Workers log JSON at level INFO, each to a file. There is no web process: the benchmark
submits the orders itself. The simulators send no webhooks.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import IO

import django

from demo.guard import Guard, end_groups
from demo.health import answer
from demo.parts import LOOPBACK, ROOT, Copy, environment, preparation
from tests.services import free_port
from tests.settings_for import production_environment
from tests.stack import READY_WITHIN, make_copy

PYTHON = sys.executable
# As many threads as `make run` gives a worker. Here beat is a process of its own.
THREADS = 4
SIMULATORS = ("smdp", "payment", "network", "messages")


@dataclass(frozen=True)
class Workers:
    """The process ids of running workers and of beat."""

    pids: list[int]
    beat: int


def _environment(copy: Copy) -> dict[str, str]:
    return {
        **os.environ,
        **production_environment(),
        **copy.secrets,
        "DJANGO_SETTINGS_MODULE": "moportal.settings",
        # A production process has neither demo data nor simulators.
        "DEMO": "0",
        "SIMULATORS": "0",
        "DATABASE_URL": copy.database_url,
        "BROKER_URL": copy.broker_url,
        "SMDP_URL": copy.smdp_url,
        "PAYMENT_GATEWAY_URL": copy.payment_url,
        "PAYMENT_CARD_ENTRY": "fields",
        # The throwaway services come with a network that is never called.
        "NETWORK": "subscriptions.networks.http.HttpNetwork",
        "NETWORK_URL": copy.network_url,
        "MAIL_SENDER": "messages.senders.http.HttpGateway",
        "MESSAGE_GATEWAY_URL": copy.message_url,
    }


class Product:
    """The processes of one copy. Their logs are in the copy's folder."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.environment = _environment(copy)
        self._guard = Guard()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """Migrate, load the demo's catalogue, and start the simulators."""
        command = preparation(self.copy.folder / "demo.txt").command
        subprocess.run(command, cwd=ROOT, env=environment(self.copy), check=True)
        ports = {
            "smdp": self.copy.smdp_port,
            "payment": self.copy.payment_port,
            "network": self.copy.network_port,
            "messages": self.copy.message_port,
        }
        for name, port in ports.items():
            store = str(self.copy.folder / f"{name}.sqlite3")
            self._start(name, f"simulators.{name}", "--port", str(port), "--store", store)
        urls = (
            *(self.copy.smdp_url, self.copy.payment_url),
            *(self.copy.network_url, self.copy.message_url),
        )
        for url in urls:
            _wait(partial(_answers, url), f"the simulator at {url}")

    @contextlib.contextmanager
    def workers(self, number: int, *, threads: int) -> Iterator[Workers]:
        """Run `number` worker processes and beat within the context."""
        names = [f"worker{n}" for n in range(1, number + 1)]
        celery = ("celery", "--quiet", "-A", "moportal")
        pool = ("--pool", "threads", "--concurrency", str(threads))
        options = ["--loglevel", "INFO", *pool]
        schedule = str(self.copy.folder / "beat")
        try:
            for name in names:
                self._start(name, *celery, "worker", "--hostname", f"{name}@bench", *options)
            self._start("beat", *celery, "beat", "--schedule", schedule, "--loglevel", "INFO")
            for name in names:
                _wait(partial(self._has_logged, name, "ready."), name)
            yield Workers([self._running[name].pid for name in names], self._running["beat"].pid)
        finally:
            self._stop(*names, "beat")

    @contextlib.contextmanager
    def portal(self, module: str, **settings: str) -> Iterator[int]:
        """Run a server of pages within the context, and yield its port.

        `settings` are variables of its environment.
        """
        port = free_port()
        own = {"MOPORTAL_FACE": "portal", "STATIC_ROOT": str(self.copy.folder / "static")}
        collect = [PYTHON, "manage.py", "collectstatic", "--verbosity", "0", "--no-input"]
        environment = {**self.environment, **own, **settings}
        subprocess.run(collect, cwd=ROOT, env=environment, check=True)
        try:
            self._start("portal", module, "--port", str(port), **own, **settings)
            url = f"http://{LOOPBACK}:{port}"
            _wait(lambda: answer(url, "/livez")[0] == HTTPStatus.OK, "the portal")
            yield port
        finally:
            self._stop("portal")

    @property
    def simulators(self) -> list[int]:
        return [self._running[name].pid for name in SIMULATORS]

    def _has_logged(self, name: str, word: str) -> bool:
        return word in self._log(name).read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        self._stop(*self._running)
        self._guard.dismiss()

    def _log(self, name: str) -> Path:
        return self.copy.folder / f"{name}.log"

    def _start(self, name: str, module: str, *options: str, **settings: str) -> None:
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                [PYTHON, "-m", module, *options],
                cwd=ROOT,
                env={**self.environment, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.watch(process.pid)
        self._running[name] = process

    def _stop(self, *names: str) -> None:
        processes = [self._running.pop(name) for name in names if name in self._running]
        groups = [process.pid for process in processes]
        end_groups(groups, reap=lambda: [process.poll() for process in processes])
        for process in processes:
            process.wait()
            self._guard.forget(process.pid)


@contextlib.contextmanager
def loaded_product(log_name: str) -> Iterator[Product]:
    """Prepare a copy of the product on PostgreSQL, and load its portal in this process.

    What this process logs goes to the file with this name. Nothing of the copy is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        product = Product(make_copy("postgresql", Path(folder)))
        try:
            product.prepare()
            with (product.copy.folder / log_name).open("w", encoding="utf-8") as log:
                _load_portal(product, log)
                yield product
        finally:
            product.close()


def _load_portal(product: Product, log: IO[str]) -> None:
    """Load the portal's settings in this process and send its log to a file."""
    os.environ.update(product.environment)
    django.setup()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)


def _answers(url: str) -> bool:
    return answer(url)[0] == HTTPStatus.OK


def _wait(is_ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not ready after {READY_WITHIN:g} s")
        time.sleep(0.05)
