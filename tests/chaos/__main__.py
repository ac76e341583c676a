"""`python -m tests.chaos --orders 20 --seed 1 --json chaos.json`, on its own throwaway services.

For each fault, customers with open review pages submit at the same time, and the fault strikes
while their orders are in flight. Every order must end within two minutes, all books must agree, and
each customer must be told of the end.
"""

import argparse
import json
import random
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg

from tests.chaos import books, deliveries
from tests.chaos.crowd import Buyer, create_crowds, open_review_pages, run_for_each
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.target import Target, running_target
from tests.providers import break_it, mend
from tests.stack import Stack

LOST_IN_TEN = 3
# The probability of each random fault. Together they hit about one call in four.
CHANCE, ALWAYS, SLOW = 0.02, 10_000, 2.0
# In seconds: the pause between two strikes, and how long a fault strikes.
STRIKE_EVERY, STRIKES_FOR = (0.4, 1.5), 8.0
# In seconds, for a fault that strikes until all orders have ended.
ENDED_WITHIN = 30.0
# These times are for up to this many orders. They grow with more orders, which take longer.
SMALL = 100
HIDDEN = "hidden"
HIDE_ICCIDS = """
UPDATE esim_sim SET profile_type = %s WHERE id IN (
    SELECT id FROM esim_sim
    WHERE kind = 'profile' AND state = 'available' AND profile_type = 'consumer'
    ORDER BY id OFFSET %s
)
"""


class FaultInjector(threading.Thread):
    """Strikes repeatedly until it is stopped. Counts strikes and the orders in flight."""

    def __init__(self, target: Target, fault: Fault, seed: str, stretch: float) -> None:
        super().__init__(daemon=True)
        self.target, self.fault, self.stretch = target, fault, stretch
        self.rng = random.Random(seed)  # noqa: S311 -- a seed makes a loss repeatable
        self.count, self.in_flight = 0, list[int]()
        self.wrong = list[str]()
        self.has_struck, self.over = threading.Event(), threading.Event()

    def run(self) -> None:
        if self.fault.at_once:
            self._strike()
            return
        # The first strike comes while orders are still being submitted.
        pause = self.rng.uniform(0, STRIKE_EVERY[0])
        while not self.over.wait(pause):
            self._count_in_flight()
            if self.fault.strike:
                self._strike()
            pause = self.rng.uniform(*STRIKE_EVERY) * (1 if self.fault.often else self.stretch)

    def _count_in_flight(self) -> None:
        open_orders = books.in_flight(self.target.stack)
        if open_orders is not None:
            self.in_flight.append(open_orders)

    def _strike(self) -> None:
        assert self.fault.strike
        try:
            with self.fault.strike(self.target, self.rng) as seconds:
                self.count += 1
                self.has_struck.set()
                time.sleep(seconds)
                if self.fault.at_once:
                    self._count_in_flight()
        except psycopg.OperationalError:
            # The database has not recovered from the last strike yet.
            pass
        except (AssertionError, httpx.HTTPError) as error:
            self.wrong.append(f"a strike raised {error!r}")

    def stop(self) -> None:
        self.over.set()
        self.join()


@contextmanager
def injecting(injector: FaultInjector) -> Iterator[None]:
    """Strike until the context ends. Stop even if it fails, or a server would stay broken."""
    injector.start()
    try:
        if injector.fault.at_once:
            injector.has_struck.wait()
        yield
    finally:
        injector.stop()


def wait_for_strikes(
    stack: Stack, injector: FaultInjector, numbers: list[str], *, until: float
) -> None:
    """Wait until all orders have ended and the fault has struck, or until this time."""
    while time.monotonic() < until:
        # The fault strikes at least once, however fast the orders are.
        has_struck = injector.count or not injector.fault.strike
        if has_struck and books.have_ended(stack, numbers):
            break
        time.sleep(0.1)


def run_fault(target: Target, fault: Fault, sessions: list[str], seed: int) -> dict[str, Any]:
    """Run one fault. Return its line of the report."""
    stack, stretch = target.stack, max(1.0, len(sessions) / SMALL)
    rng = random.Random(f"{seed} {fault.name}")  # noqa: S311 -- a seed makes a loss repeatable
    started, ended_before = time.monotonic(), len(target.ended)
    buyers = open_review_pages(stack, sessions)
    if fault.stock is not None:
        hide_iccids(stack, keep=fault.stock)
    set_simulator_faults(stack, fault, len(buyers), rng)

    injector = FaultInjector(target, fault, f"{seed} {fault.name} strikes", stretch)
    submitted = time.monotonic()
    with injecting(injector):
        submit_orders(fault, buyers, rng)
        numbers = [buyer.number for buyer in buyers]
        lasts = ENDED_WITHIN * stretch if fault.to_the_end else STRIKES_FOR * stretch
        if not fault.at_once:
            wait_for_strikes(stack, injector, numbers, until=submitted + lasts)

    clear_simulator_faults(stack)
    slowest = books.wait_for_ends(stack, numbers)

    wrong = [text for buyer in buyers for text in buyer.wrong] + injector.wrong
    wrong += books.find_losses(stack, numbers)
    wrong += deliveries.find_losses(target, numbers)
    states = [row.state for row in books.rows(stack, numbers)]
    wrong += check_fault(stack, fault, buyers, states)
    if fault.stock is not None:
        restore_iccids(stack)
    return {
        "fault": fault.name,
        "orders": len(buyers),
        "strikes": injector.count + len(fault.scripted),
        "in flight": round(median(injector.in_flight or [0])),
        **{state: states.count(state) for state in books.ENDED},
        "ended by itself": " ".join(target.ended[ended_before:]),
        "outages": sum(buyer.outages for buyer in buyers),
        "slowest submit": round(max(buyer.seconds for buyer in buyers), 1),
        "seconds from the last strike to the last end": round(slowest, 1),
        "seconds": round(time.monotonic() - started),
        **count_losses(wrong),
    }


def count_losses(wrong: list[str]) -> dict[str, Any]:
    counted = Counter(wrong).most_common()
    return {"losses": len(wrong), "lost": [f"{count} times: {text}" for text, count in counted]}


def submit_orders(fault: Fault, buyers: list[Buyer], rng: random.Random) -> None:
    """Submit all orders at once, then cancel or confirm as this fault says."""
    own_rng = {id(buyer): random.Random(rng.random()) for buyer in buyers}  # noqa: S311 -- the same

    def submit(buyer: Buyer) -> None:
        buyer.submit(fault.submits)
        if fault.leaves:
            # Cancel at once. Of a thousand orders, the first complete before the last is submitted.
            buyer.leave(own_rng[id(buyer)])

    run_for_each(buyers, submit)
    if fault.confirms:
        run_for_each(buyers, lambda buyer: buyer.confirm(own_rng[id(buyer)]))


def check_fault(stack: Stack, fault: Fault, buyers: list[Buyer], states: list[str]) -> list[str]:
    """Return violations of the rules that only this fault has."""
    wrong = find_false_handoffs(stack, buyers) if fault.leaves else []
    if fault.stock is not None and states.count("completed") != fault.stock:
        wrong.append(f"{fault.stock} ICCIDs, {states.count('completed')} sold")
    if fault.at_once and any(buyer.outages for buyer in buyers):
        wrong.append("an order was not accepted while the broker was down")
    return wrong


def find_false_handoffs(stack: Stack, buyers: list[Buyer]) -> list[str]:
    """Return the orders whose handoff on leaving contradicts their final state."""
    ended = {row.number: row.state for row in books.rows(stack, [b.number for b in buyers])}
    expected = {"success True": {"completed"}, "success False": {"cancelled", "failed"}}
    return [
        f"{buyer.number}: {buyer.answers[-1]}, but {ended[buyer.number]}"
        for buyer in buyers
        if ended[buyer.number] not in expected.get(buyer.answers[-1], {"completed", "failed"})
    ]


def set_simulator_faults(stack: Stack, fault: Fault, orders: int, rng: random.Random) -> None:
    """Set the fault's simulator faults, in an order that depends on the seed."""
    count = max(1, orders * LOST_IN_TEN // 10)
    scripted = [one for one in fault.scripted for _ in range(count)]
    rng.shuffle(scripted)
    for simulator, function, kind in scripted:
        break_it(simulators(stack)[simulator], function, kind)
    for simulator, function, kind in fault.by_chance:
        chance = {"probability": CHANCE, "seconds": SLOW}
        break_it(simulators(stack)[simulator], function, kind, ALWAYS, **chance)


def simulators(stack: Stack) -> dict[str, str]:
    return {"smdp": stack.smdp_url, "payment": stack.payment_url, "network": stack.network_url}


def clear_simulator_faults(stack: Stack) -> None:
    for url in simulators(stack).values():
        mend(url)


def hide_iccids(stack: Stack, *, keep: int) -> None:
    """Leave only `keep` ICCIDs in the pool."""
    with psycopg.connect(stack.copy.database_url) as connection:
        connection.execute(HIDE_ICCIDS, [HIDDEN, keep])


def restore_iccids(stack: Stack) -> None:
    with psycopg.connect(stack.copy.database_url) as connection:
        connection.execute(
            "UPDATE esim_sim SET profile_type = 'consumer' WHERE profile_type = %s", [HIDDEN]
        )


def add_iccids(stack: Stack, needed: int) -> None:
    """Add ICCIDs to the demo's pool, which is too small for many orders."""
    stack.manage(
        "from esim.models import Sim, SmdpProvider;"
        "from moportal.identifiers import Iccid;"
        "provider = SmdpProvider.objects.get();"
        "Sim.objects.bulk_create([Sim(iccid=Iccid.numbered('8944111', n), kind='profile',"
        f" profile_type='consumer', provider=provider) for n in range({needed})])"
    )


def table(report: list[dict[str, Any]]) -> str:
    head = [name for name in report[0] if name != "lost"]
    lines = [head, ["---"] * len(head), *([str(line[name]) for name in head] for line in report)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--orders", type=int, default=20, help="orders for each fault (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--outage",
        type=float,
        default=60,
        help="seconds for which the broker is down (%(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--log", type=Path, help="copy the log of all processes to this file")
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="run only faults whose name contains this text; may be given several times",
    )

    options, report = parser.parse_args(), []
    with running_target(options.outage) as target:
        faults = chosen(options.only or [""])
        add_iccids(target.stack, options.orders * len(faults))
        crowds = create_crowds(target.stack, options.orders, [fault.card for fault in faults])
        for fault, sessions in zip(faults, crowds, strict=True):
            report.append(run_fault(target, fault, sessions, options.seed))
            print(json.dumps(report[-1]), flush=True)
        if options.log:
            shutil.copy(target.stack.log, options.log)

    if options.json:
        result = {"seed": options.seed, "orders": options.orders, "faults": report}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 1 if any(line["losses"] for line in report) else 0


def chosen(texts: list[str]) -> list[Fault]:
    return [fault for fault in FAULTS if any(text in fault.name for text in texts)]


if __name__ == "__main__":
    sys.exit(main())
