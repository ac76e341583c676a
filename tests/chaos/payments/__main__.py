"""`make chaos-payments ARGS="--gateway vouchers --payments 3000"`.

Payments by one gateway, through the portal's own domain, with real worker processes, PostgreSQL
and the gateway's simulator over HTTP. Workers are killed at every barrier, answers are lost, the
gateway is away for three days or switched off, and webhooks come in every wrong way. In the end
all books must agree to the minor unit.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import django
import psycopg

from demo.guard import Guard
from demo.parts import LOOPBACK, ROOT, Part
from demo.run import new_secrets
from demo.supervisor import Supervisor
from tests.chaos.payments.barriers import BARRIERS
from tests.chaos.payments.books import Books, read_portal
from tests.chaos.payments.check import find_differences, totals
from tests.chaos.payments.clock import open_tasks
from tests.chaos.payments.gateways import GATEWAYS
from tests.chaos.payments.outcomes import Outcomes
from tests.services import TEMPLATE, free_port, postgresql

WAVE = 200


def make_database(contexts: ExitStack, folder: Path) -> str:
    """Return the address of a migrated database: a copy of pytest's, or one of a new server."""
    server = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    if not server:
        guard = Guard()
        contexts.callback(guard.dismiss)
        folder.chmod(0o755)
        url = contexts.enter_context(postgresql(folder / "postgresql", guard)).url
        command = [sys.executable, "-m", "tests.settings_for", "check", "--"]
        command += ["env", f"DATABASE_URL={url}", sys.executable, "manage.py", "migrate"]
        subprocess.run([*command, "--verbosity=0"], cwd=ROOT, check=True)
        return url
    name = f"payments_{os.getpid()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return f"{server}/{name}"


def set_up(database_url: str, own: Mapping[str, str]) -> None:
    """Set this process and the workers up as the portal, with short limits on calls and leases.

    `own` are the variables of this run alone.
    """
    os.environ.update(
        {
            **new_secrets(),
            "DJANGO_SETTINGS_MODULE": "moportal.settings",
            "DATABASE_URL": database_url,
            "DEMO": "1",
            "SIMULATORS": "1",
            # A task's row is what counts. These workers look for rows and need no messages.
            "BROKER_URL": "memory://",
            "OUTBOX_LEASE": "2.5",
            "OUTSIDE_CALL_TIMEOUT": "2",
            **own,
        }
    )
    django.setup()
    # The workers write to their own log.
    logging.disable(logging.ERROR)


def run(options: argparse.Namespace, contexts: ExitStack) -> dict[str, Any]:
    """Make all payments, and return the report."""
    folder = Path(contexts.enter_context(tempfile.TemporaryDirectory(prefix="payments-")))
    of_gateway = GATEWAYS[options.gateway]
    port, store = free_port(), folder / "gateway.sqlite3"
    address = f"http://{LOOPBACK}:{port}"
    gateway = of_gateway(address, store)
    own = {
        "PAYMENT_GATEWAY": gateway.adapter,
        "PAYMENT_CARD_ENTRY": "page",
        "NETWORK": "tests.chaos.payments.network.RefusingNetwork",
        **gateway.settings(),
    }
    set_up(make_database(contexts, folder), own)
    from tests.chaos.payments.crowd import Crowd  # noqa: PLC0415 -- needs Django to be set up
    from tests.chaos.payments.post_office import PostOffice  # noqa: PLC0415 -- the same
    from tests.chaos.payments.running import Run, Workers, opened  # noqa: PLC0415 -- the same
    from tests.chaos.payments.stories import stories  # noqa: PLC0415 -- the same

    office = contexts.enter_context(opened(PostOffice(gateway, options.seed)))
    log = contexts.enter_context((options.log or folder / "log").open("w", encoding="utf-8"))
    options_of_simulator = (
        "--port",
        str(port),
        "--store",
        str(store),
        *gateway.options(office.url),
    )
    supervisor = start_simulator(gateway, options_of_simulator, address, log, contexts)
    workers = Workers(options.strikes, options.barrier, log)
    contexts.callback(workers.end)
    crowd = Crowd(gateway, options.seed)
    run = Run(os.environ["DATABASE_URL"], gateway, address, supervisor, workers, crowd, office)
    workers.start()
    started, wanted = time.monotonic(), stories(gateway.treated, options.seed)
    for first in range(0, options.payments, WAVE):
        run.wave(list(islice(wanted, min(WAVE, options.payments - first))))
        so_far = min(first + WAVE, options.payments)
        print(f"{so_far} payments after {time.monotonic() - started:.0f} s", file=sys.stderr)
    run.drain()
    strikes = workers.strikes()
    workers.kill()
    return {
        "gateway": gateway.name,
        "seed": options.seed,
        "seconds": round(time.monotonic() - started),
        "counts": dict(run.counts + crowd.counts + office.counts),
        "strikes": strikes,
        "struck too seldom": [
            one
            for one in options.barrier or BARRIERS
            if strikes["killed"].get(one, 0) < options.strikes
        ],
        **compare_books(gateway, [*crowd.wrong, *office.wrong]),
    }


def start_simulator(
    gateway: Outcomes, options: tuple[str, ...], address: str, log: TextIO, contexts: ExitStack
) -> Supervisor:
    """Start the gateway's simulator, and wait until it answers."""
    from tests.chaos.payments.running import wait_until_there  # noqa: PLC0415 -- needs Django

    supervisor = Supervisor(environment=os.environ, say=lambda _, line: print(line, file=log))
    contexts.callback(supervisor.stop)
    command = (sys.executable, "-m", f"simulators.{gateway.simulator}", *options)
    supervisor.start([Part(gateway.simulator, command)])
    wait_until_there(address)
    return supervisor


def compare_books(gateway: Outcomes, wrong: list[str]) -> dict[str, Any]:
    """Return what the portal's rows and the gateway's books say, and add what is wrong."""
    stuck = [f"still open: {task}" for task in open_tasks(os.environ["DATABASE_URL"])]
    portal, gaps = read_portal(os.environ["DATABASE_URL"], gateway.name)
    books = Books(portal, gateway.books(), gaps)
    return {
        "payments": len(portal),
        "totals": totals(books),
        "wrong": [*wrong, *find_differences(books), *stuck],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.payments", description=__doc__)
    parser.add_argument("--gateway", choices=list(GATEWAYS), default="simulator")
    parser.add_argument("--payments", type=int, default=600, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--strikes", type=int, default=20, help="the fewest at each barrier (%(default)s)"
    )
    parser.add_argument(
        "--barrier",
        action="append",
        choices=BARRIERS,
        default=[],
        help="strike this barrier above all (default: all of them)",
    )
    parser.add_argument("--log", type=Path, help="write the log of all processes to this file")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    options = parser.parse_args()
    with ExitStack() as contexts:
        report = run(options, contexts)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 1 if report["wrong"] or report["struck too seldom"] else 0


def table(report: dict[str, Any]) -> str:
    """Return the report as Markdown: what happened, each barrier's strikes, and the sums."""
    lines = [f"{name}: {count}" for name, count in sorted(report["counts"].items())]
    lines += ["", "| worker killed | times | stalled |", "| --- | --- | --- |"]
    killed, stalled = report["strikes"]["killed"], report["strikes"]["stalled"]
    lines += [f"| {one} | {killed.get(one, 0)} | {stalled.get(one, 0)} |" for one in BARRIERS]
    lines += ["", "| minor units | portal | gateway |", "| --- | --- | --- |"]
    for currency, sums in report["totals"].items():
        lines += [
            f"| {currency} {what} | {ours} | {theirs} |" for what, (ours, theirs) in sums.items()
        ]
    heading = "{gateway}: {payments} payments in {seconds} s, seed {seed}".format_map(report)
    wrong = report["wrong"] or ["nothing is wrong"]
    return "\n".join([heading, *lines, "", *wrong])


if __name__ == "__main__":
    sys.exit(main())
