"""Get Balance as deployed: nginx, granian with the `api` face in two processes, a worker.

It keeps answering while the broker is down. After a crash, a used transaction id stays used.
"""

import itertools
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from django.db import connection

from accounts.models import User
from demo.guard import Guard
from demo.parts import LOOPBACK, Part
from demo.supervisor import Supervisor
from esim.models import Sim
from tests.authority import Authority, Issued
from tests.balance_api.test_views import TRANSACTION, give
from tests.builders import make_card
from tests.deploy.conftest import HOST, SECRET, ApiProxy, run_api_proxy
from tests.deploy.get_balance.conftest import NAME, forge_headers
from tests.services import Server, free_port, redis
from tests.settings_for import production_environment

CALLERS = 4
WITHIN = 60.0
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@dataclass(frozen=True)
class Deployment:
    """The running processes, the caller's certificate, and the SIM that the caller asks about."""

    proxy: ApiProxy
    portal: str
    broker: Server
    parts: Supervisor
    caller: Issued
    sim: Sim

    @property
    def path(self) -> str:
        return f"/v1/sims/{self.sim.iccid}/balances"

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN
        while not is_true():
            assert time.monotonic() < deadline, self.parts.missing()
            time.sleep(0.05)

    def answers(self) -> bool:
        with self.proxy.client() as client:
            return client.get(self.path).status_code == 401


@pytest.fixture
def deployment(alice: User, tmp_path: Path) -> Iterator[Deployment]:
    """Start everything with production settings."""
    callers_authority, card = Authority("The caller's authority"), make_card()
    give(alice, card, code="traveller")
    port, log_file = free_port(), tmp_path / "log"
    with ExitStack() as resources:
        guard = Guard()
        resources.callback(guard.dismiss)
        broker = resources.enter_context(redis(tmp_path / "redis", guard))
        log = resources.enter_context(log_file.open("a"))
        parts = Supervisor(
            environment=environment(broker, callers_authority.own.write(tmp_path, "roots")[0]),
            say=lambda name, line: print(name, line, file=log),
        )
        resources.callback(parts.stop, first=signal.SIGKILL)
        parts.start([web(port), celery("worker", "--pool", "threads"), beat(tmp_path)])

        folder = tmp_path / "proxy"
        folder.mkdir()
        proxy = resources.enter_context(run_api_proxy(folder, f"{LOOPBACK}:{port}"))
        address = f"http://{LOOPBACK}:{port}"
        started = Deployment(proxy, address, broker, parts, callers_authority.issue(NAME), card)
        started.wait_until(started.answers)
        yield started


def environment(broker: Server, roots: Path) -> dict[str, str]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {
        **os.environ,
        **production_environment(),
        "DEMO": "0",
        "SIMULATORS": "0",
        "MOPORTAL_FACE": "api",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "BROKER_URL": broker.url,
        "ALLOWED_HOSTS": HOST,
        "PROXY_SECRET": SECRET,
        "BALANCE_CA": str(roots),
        "BALANCE_NAMES": NAME,
        "BALANCE_RATE": "0",
    }


def web(port: int) -> Part:
    options = [
        *("--interface", "wsgi", "--host", LOOPBACK, "--port", str(port)),
        *("--workers", "2", "--blocking-threads", "2", "--log-level", "error"),
        # As the unit has it: a worker may hang when it is asked to end.
        *("--workers-kill-timeout", "3"),
    ]
    return Part("web", (sys.executable, "-m", "granian", *options, "moportal.wsgi:application"))


def beat(folder: Path) -> Part:
    return celery("beat", "--schedule", str(folder / "beat"))


def celery(name: str, *options: str) -> Part:
    return Part(name, (sys.executable, "-m", "celery", "-A", "moportal", name, *options))


@dataclass
class Load:
    """Callers that send each request twice with the same transaction id, until they are stopped."""

    deployment: Deployment
    is_over: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[tuple[int, int]] = field(default_factory=Counter)
    used: list[str] = field(default_factory=list)

    def ask(self, caller: int) -> None:
        with self.deployment.proxy.client(self.deployment.caller) as client:
            for number in itertools.count():
                headers = {TRANSACTION: f"MSFT-{caller}-{number}"}
                first, again = (client.get(self.deployment.path, headers=headers) for _ in range(2))
                self.used.append(headers[TRANSACTION])
                self.statuses[first.status_code, again.status_code] += 1
                if self.is_over.is_set():
                    return

    def wait_for_more(self) -> None:
        """Return when 50 more pairs of requests have been answered."""
        until = self.statuses.total() + 50
        self.deployment.wait_until(lambda: self.statuses.total() >= until)


def test_get_balance_lets_nothing_pass_and_survives_its_broker_and_a_crash(
    deployment: Deployment,
) -> None:
    """One test, because each start of the processes takes seconds."""
    for transaction in ("ü-1".encode(), b"\xff", b""):
        _check_transaction_is_refused(deployment, transaction)
    _check_bypassed_proxy_is_refused(deployment)
    _check_answers_while_the_broker_stops_and_starts(deployment)
    _check_used_transactions_after_a_crash(deployment)


def _check_answers_while_the_broker_stops_and_starts(deployment: Deployment) -> None:
    load = Load(deployment)
    with ThreadPoolExecutor(CALLERS) as callers:
        asking = [callers.submit(load.ask, number) for number in range(CALLERS)]
        try:
            load.wait_for_more()
            deployment.broker.stop()
            before = load.used[:50]
            load.wait_for_more()
            assert ask_again(deployment, before) == Counter({409: 50})
            deployment.broker.start()
            load.wait_for_more()
        finally:
            load.is_over.set()
        for one in asking:
            one.result()

    assert set(load.statuses) == {(200, 409)}


def ask_again(deployment: Deployment, transactions: list[str]) -> Counter[int]:
    with deployment.proxy.client(deployment.caller) as client:
        return Counter(
            client.get(deployment.path, headers={TRANSACTION: one}).status_code
            for one in transactions
        )


def _check_used_transactions_after_a_crash(deployment: Deployment) -> None:
    """Check both processes, and that the proxy answers 503 with Retry-After while they are down."""
    transactions = [f"T{number}" for number in range(10)]
    assert ask_again(deployment, transactions) == Counter({200: 10})

    deployment.parts.kill("web")
    with deployment.proxy.client(deployment.caller) as client:
        meanwhile = client.get(deployment.path, headers={TRANSACTION: "T"})
    deployment.parts.launch("web")
    deployment.wait_until(deployment.answers)

    assert (meanwhile.status_code, meanwhile.headers["Retry-After"]) == (503, "5")
    assert ask_again(deployment, transactions) == Counter({409: 10})
    assert ask_again(deployment, ["T"]) == Counter({200: 1})


def _check_transaction_is_refused(deployment: Deployment, transaction: bytes) -> None:
    """Send a transaction id that granian cannot pass on."""
    with deployment.proxy.client(deployment.caller) as client:
        answer = client.get(deployment.path, headers=[(TRANSACTION.encode(), transaction)])

    assert (answer.status_code, answer.json()["parameter"]) == (400, TRANSACTION)
    assert TRANSACTION not in answer.headers


def _check_bypassed_proxy_is_refused(deployment: Deployment) -> None:
    """Send a certificate's headers straight to the portal."""
    smuggled = dict(forge_headers(deployment.caller))
    for secret in ("X-Proxy-Secret", "X_Proxy_Secret"):
        smuggled.pop(secret)

    for headers in ({}, {"X-Proxy-Secret": "guessed"}, {"X_Proxy_Secret": "guessed"}):
        answer = httpx.get(
            deployment.portal + deployment.path, headers={**smuggled, **headers}, trust_env=False
        )
        assert answer.status_code == 403
