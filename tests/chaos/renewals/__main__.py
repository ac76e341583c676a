"""`make chaos-renewals ARGS="--plans 300 --months 3"`.

Plans renew in real worker processes, on PostgreSQL, with the simulators of gateway and network over
HTTP. Workers are killed at every barrier, answers are lost, and the gateway is away for three days.
Customers cancel, undo, change plans and cards, and share or move plans. The clock of all
processes runs ahead of the machine's. In the end all books must agree to the minor unit.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import time_machine

from demo.parts import LOOPBACK, Part
from demo.supervisor import Supervisor
from tests.chaos.payments.__main__ import make_database, set_up
from tests.chaos.renewals.barriers import RENEWALS
from tests.providers import break_it, mend
from tests.services import free_port

if TYPE_CHECKING:
    from tests.chaos.payments.running import Workers
    from tests.chaos.renewals.crowd import Crowd

STEP = timedelta(hours=12)
# In steps: how often the gateway goes away, and for how long.
AWAY_EVERY, AWAY_FOR = 40, 6
# Each random fault strikes one call in fifty.
CHANCE, MANY = 0.02, 1_000_000
AT_RANDOM = ("drop_before", "drop_after", "http_500")
FUNCTIONS = {
    "payment": ("authorise", "capture", "void"),
    "network": ("renew", "suspend", "end", "activate", "deactivate"),
}
# How often each step makes waiting tasks due, and how long such a task may have to wait.
WITHIN, ROUNDS = timedelta(hours=1), 4
# In seconds.
STEP_LASTS_AT_MOST = 60.0


@dataclass
class Run:
    """The processes of one run, and how far their clock is ahead of the machine's."""

    simulators: Supervisor
    urls: dict[str, str]
    workers: "Workers"
    crowd: "Crowd"
    ahead: timedelta = timedelta()

    @contextmanager
    def living_later(self) -> Iterator[None]:
        with time_machine.travel(datetime.now(UTC) + self.ahead, tick=True):
            yield

    def sell(self, plans: int, steps: int) -> None:
        """Sell the plans over these steps, without any mishap."""
        for step in range(steps):
            with self.living_later():
                for _ in range(plans * step // steps, plans * (step + 1) // steps):
                    self.crowd.buy()
            self.ahead += STEP

    def live(self, steps: int) -> None:
        """Let time pass with every mishap."""
        self.workers.start(str(self.ahead.total_seconds()))
        for step in range(steps):
            away = step % AWAY_EVERY
            if away == AWAY_EVERY - AWAY_FOR:
                self.simulators.kill("payment")
            if away == 0 and step:
                self._start_gateway()
            if away == 0:
                self._strike_at_random()
            self._move()
            if away < AWAY_EVERY - AWAY_FOR:
                with self.living_later():
                    self.crowd.act()
            self._work()
            with self.living_later():
                self.crowd.undo_moves()
            self.ahead += STEP

    def calm_down(self, steps: int) -> None:
        """Let time pass without any mishap, so that what is open comes to its end."""
        self._start_gateway()
        for url in self.urls.values():
            mend(url)
        self.workers.calm_down(str(self.ahead.total_seconds()))
        for _ in range(steps):
            self._move()
            with self.living_later():
                self.crowd.serve()
            self._work()
            self.ahead += STEP
        self.workers.kill()

    def _start_gateway(self) -> None:
        from tests.chaos.payments.running import wait_until_there  # noqa: PLC0415 -- needs Django

        self.simulators.launch("payment")
        wait_until_there(self.urls["payment"])

    def _strike_at_random(self) -> None:
        for name, functions in FUNCTIONS.items():
            mend(self.urls[name])
            for function in functions:
                for fault in AT_RANDOM:
                    break_it(self.urls[name], function, fault, MANY, probability=CHANCE)

    def _move(self) -> None:
        self.workers.move(str(self.ahead.total_seconds()))

    def _work(self) -> None:
        """Let workers process what is due now, and what waits a short time for another try."""
        with self.living_later():
            for _ in range(ROUNDS):
                if not make_due():
                    return
                self._wait_until_done()

    def _wait_until_done(self) -> None:
        until = time.monotonic() + STEP_LASTS_AT_MOST
        while due_now() and time.monotonic() < until:
            time.sleep(0.02)


def make_due() -> bool:
    """Enqueue what is due, let no task wait a short time, and return whether there is any."""
    from django.utils.timezone import now  # noqa: PLC0415 -- Django has to be set up first

    from outbox.models import Task  # noqa: PLC0415 -- the same
    from subscriptions.domain import renewing  # noqa: PLC0415 -- the same

    renewing.enqueue_due()
    soon = Task.objects.filter(closed_at=None, not_before__lt=now() + WITHIN)
    soon.filter(not_before__gt=now()).update(not_before=now())
    return due_now()


def due_now() -> bool:
    from django.utils.timezone import now  # noqa: PLC0415 -- Django has to be set up first

    from outbox.models import Task  # noqa: PLC0415 -- the same
    from tests.chaos.payments.nursery import NOT_OURS  # noqa: PLC0415 -- the same

    due = Task.objects.filter(closed_at=None, not_before__lte=now())
    return due.exclude(kind__in=NOT_OURS).exists()


def start_simulators(folder: Path, log: TextIO, contexts: ExitStack) -> tuple[Supervisor, Any]:
    """Start gateway and network, and return them with their addresses."""
    supervisor = Supervisor(environment=os.environ, say=lambda _, line: print(line, file=log))
    contexts.callback(supervisor.stop)
    urls = {}
    for name in FUNCTIONS:
        port = free_port()
        store = str(folder / f"{name}.sqlite3")
        module = ("-m", "tests.chaos.renewals.simulator", name)
        options = ("--port", str(port), "--store", store)
        supervisor.start([Part(name, (sys.executable, *module, *options))])
        urls[name] = f"http://{LOOPBACK}:{port}"
    return supervisor, urls


def run(options: argparse.Namespace, contexts: ExitStack) -> dict[str, Any]:
    """Let all plans renew, and return the report."""
    folder = Path(contexts.enter_context(tempfile.TemporaryDirectory(prefix="renewals-")))
    log = contexts.enter_context((options.log or folder / "log").open("w", encoding="utf-8"))
    supervisor, urls = start_simulators(folder, log, contexts)
    own = {
        "BILLING_ZONE": "UTC",
        "PAYMENT_GATEWAY": "payments.gateways.simulator.SimulatorGateway",
        "PAYMENT_CARD_ENTRY": "fields",
        "PAYMENT_GATEWAY_URL": urls["payment"],
        "NETWORK": "subscriptions.networks.http.HttpNetwork",
        "NETWORK_URL": urls["network"],
    }
    set_up(make_database(contexts, folder), own)
    from tests.chaos.payments.running import Workers, wait_until_there  # noqa: PLC0415 -- needs Django
    from tests.chaos.renewals import check  # noqa: PLC0415 -- the same
    from tests.chaos.renewals.crowd import Crowd  # noqa: PLC0415 -- the same

    for url in urls.values():
        wait_until_there(url)
    workers = Workers(options.strikes, [], log, of="renewals")
    contexts.callback(workers.end)
    this = Run(supervisor, urls, workers, Crowd(options.seed))
    began, month = time.monotonic(), 30 * 24 // 12
    this.sell(options.plans, month)
    this.live(options.months * month)
    this.calm_down(2 * month)
    strikes = workers.strikes()
    found = check.read_books(urls["payment"], urls["network"])
    with this.living_later():
        wrong = check.find_differences(urls["payment"], urls["network"])
    return {
        "seed": options.seed,
        "plans": options.plans,
        "seconds": round(time.monotonic() - began),
        "counts": {**this.crowd.counts, **count_rows()},
        "totals": check.totals(found),
        "strikes": strikes,
        "struck too seldom": [
            one for one in RENEWALS.names if strikes["killed"].get(one, 0) < options.strikes
        ],
        "wrong": wrong,
    }


def count_rows() -> dict[str, int]:
    """Return how many periods were paid, how many charges refused, and how the plans stand."""
    from orders.models import Order  # noqa: PLC0415 -- Django has to be set up first
    from payments.models import Payment  # noqa: PLC0415 -- the same
    from subscriptions.models import (  # noqa: PLC0415 -- the same
        Period,
        PlanChange,
        PlanMove,
        Subscription,
    )

    paid = Period.objects.filter(number__gt=1, state="paid")
    states = Subscription.objects.values_list("state", flat=True)
    changes = Order.objects.filter(kind="change", state="completed")
    devices = Order.objects.filter(kind="attach", state="completed")
    return {
        "plans changed": changes.count(),
        "devices attached": devices.count(),
        "cheaper plans begun": PlanChange.objects.filter(state="begun").count(),
        **Counter(f"moves {state}" for state in PlanMove.objects.values_list("state", flat=True)),
        "months paid": paid.count(),
        "months after hold": paid.filter(after_hold=True).count(),
        "charges refused": Payment.objects.filter(state="declined").count(),
        **Counter(f"plans {state}" for state in states),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.renewals", description=__doc__)
    parser.add_argument("--plans", type=int, default=60, help="how many (%(default)s)")
    parser.add_argument("--months", type=int, default=2, help="with mishaps (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--strikes", type=int, default=10, help="the fewest at each barrier (%(default)s)"
    )
    parser.add_argument("--log", type=Path, help="write the log of all processes to this file")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    options = parser.parse_args()
    with ExitStack() as contexts:
        report = run(options, contexts)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    return 1 if report["wrong"] or report["struck too seldom"] else 0


if __name__ == "__main__":
    sys.exit(main())
