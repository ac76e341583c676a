"""`python -m tests.chaos --orders 20 --seed 1 --json chaos.json`, on throwaway services of its own.

For each fault: customers stand at review, submit at once, blows fall while their orders are under
way, every order must end within two minutes, and the three books must agree to the row.
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

from tests.chaos import books
from tests.chaos.crowd import Buyer, arrivals, each, gather
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.scene import Scene, scene
from tests.providers import break_it, mend
from tests.stack import Stack

LOST_IN_TEN = 3
# How often each of the faults that come by chance befalls a call: a call in four meets one.
CHANCE, ALWAYS, SLOW = 0.02, 10_000, 2.0
# Seconds: between two blows, and how long they fall on orders that have not ended.
BLOW_EVERY, BLOWS_FOR = (0.4, 1.5), 8.0
# The longest for a fault that falls until all have ended.
ENDED_WITHIN = 30.0
# For so many orders; with more, both are longer, so that work is done between the blows.
SMALL = 100
SHELVED = "shelved"
SHELVE = """
UPDATE esim_sim SET profile_type = %s WHERE id IN (
    SELECT id FROM esim_sim
    WHERE kind = 'profile' AND state = 'available' AND profile_type = 'consumer'
    ORDER BY id OFFSET %s
)
"""


class Blows(threading.Thread):
    """Strikes again and again until it is told to stop; counts, and looks what it strikes at."""

    def __init__(self, scene: Scene, fault: Fault, seed: str, stretch: float) -> None:
        super().__init__(daemon=True)
        self.scene, self.fault, self.stretch = scene, fault, stretch
        self.rng = random.Random(seed)  # noqa: S311 -- a seed
        self.count, self.in_flight = 0, list[int]()
        self.wrong = list[str]()
        self.fallen, self.over = threading.Event(), threading.Event()

    def run(self) -> None:
        if self.fault.at_once:
            self._strike()
            return
        # The first one falls while the orders are still coming in.
        pause = self.rng.uniform(0, BLOW_EVERY[0])
        while not self.over.wait(pause):
            self._look()
            if self.fault.blow:
                self._strike()
            pause = self.rng.uniform(*BLOW_EVERY) * self.stretch

    def _look(self) -> None:
        open_orders = books.in_flight(self.scene.stack)
        if open_orders is not None:
            self.in_flight.append(open_orders)

    def _strike(self) -> None:
        assert self.fault.blow
        try:
            with self.fault.blow(self.scene, self.rng) as seconds:
                self.count += 1
                self.fallen.set()
                time.sleep(seconds)
                if self.fault.at_once:
                    self._look()
        except psycopg.OperationalError:
            # The database has not come back from the last blow yet.
            pass
        except (AssertionError, httpx.HTTPError) as error:
            self.wrong.append(f"a blow met {error!r}")

    def stop(self) -> None:
        self.over.set()
        self.join()


@contextmanager
def falling(blows: Blows) -> Iterator[None]:
    """Let blows fall until the context ends, whichever way: no server comes back after that."""
    blows.start()
    try:
        if blows.fault.at_once:
            blows.fallen.wait()
        yield
    finally:
        blows.stop()


def play(scene: Scene, fault: Fault, sessions: list[str], seed: int) -> dict[str, Any]:
    """Play one fault and return its line of the report."""
    stack, stretch = scene.stack, max(1.0, len(sessions) / SMALL)
    rng = random.Random(f"{seed} {fault.name}")  # noqa: S311 -- a seed makes a loss come back
    started = time.monotonic()
    buyers = gather(stack, sessions)
    if fault.stock is not None:
        shelve(stack, keep=fault.stock)
    script(stack, fault, len(buyers), rng)
    blows = Blows(scene, fault, f"{seed} {fault.name} blows", stretch)
    submitted = time.monotonic()
    with falling(blows):
        act(fault, buyers, rng)
        numbers = [buyer.number for buyer in buyers]
        # At least one falls, however fast the orders are; the last one is followed by peace.
        lasts = ENDED_WITHIN * stretch if fault.to_the_end else BLOWS_FOR * stretch
        while time.monotonic() - submitted < lasts and not fault.at_once:
            if (blows.count or not fault.blow) and books.have_ended(stack, numbers):
                break
            time.sleep(0.1)
    clear(stack)
    slowest = books.wait_for_ends(stack, numbers)
    wrong = [said for buyer in buyers for said in buyer.wrong] + blows.wrong
    wrong += books.losses(stack, numbers)
    states = [row.state for row in books.rows(stack, numbers)]
    wrong += oddities(stack, fault, buyers, states)
    if fault.stock is not None:
        unshelve(stack)
    return {
        "fault": fault.name,
        "orders": len(buyers),
        "blows": blows.count + len(fault.scripted),
        "in flight": round(median(blows.in_flight or [0])),
        **{state: states.count(state) for state in books.ENDED},
        "outages": sum(buyer.outages for buyer in buyers),
        "slowest submit": round(max(buyer.seconds for buyer in buyers), 1),
        "seconds to the last end after the last blow": round(slowest, 1),
        "seconds": round(time.monotonic() - started),
        "losses": len(wrong),
        "lost": [f"{count} times: {said}" for said, count in Counter(wrong).most_common()],
    }


def act(fault: Fault, buyers: list[Buyer], rng: random.Random) -> None:
    """Let everybody submit, and do what customers of this fault do then."""
    own = {id(buyer): random.Random(rng.random()) for buyer in buyers}  # noqa: S311 -- the same

    def submit(buyer: Buyer) -> None:
        buyer.submit(fault.submits)
        if fault.leaves:
            # At once: of a thousand orders the first are complete before the last is submitted.
            buyer.leave(own[id(buyer)])

    each(buyers, submit)
    if fault.confirms:
        each(buyers, lambda buyer: buyer.confirm(own[id(buyer)]))


def oddities(stack: Stack, fault: Fault, buyers: list[Buyer], states: list[str]) -> list[str]:
    """Say what is off about this fault in particular."""
    wrong = lies(stack, buyers) if fault.leaves else []
    if fault.stock is not None and states.count("completed") != fault.stock:
        wrong.append(f"{fault.stock} ICCIDs, {states.count('completed')} sold")
    if fault.at_once and any(buyer.outages for buyer in buyers):
        wrong.append("an order was not taken while the broker was down")
    return wrong


def lies(stack: Stack, buyers: list[Buyer]) -> list[str]:
    """Compare what the host was told on leaving with how the order ended."""
    ended = {row.number: row.state for row in books.rows(stack, [b.number for b in buyers])}
    told = {"told True": {"completed"}, "told False": {"cancelled", "failed"}}
    return [
        f"{buyer.number}: {buyer.answers[-1]}, but {ended[buyer.number]}"
        for buyer in buyers
        if ended[buyer.number] not in told.get(buyer.answers[-1], {"completed", "failed"})
    ]


def script(stack: Stack, fault: Fault, orders: int, rng: random.Random) -> None:
    """Let the simulators lose some of their answers, in an order of the seed's."""
    wishes = [wish for wish in fault.scripted for _ in range(max(1, orders * LOST_IN_TEN // 10))]
    rng.shuffle(wishes)
    for simulator, function, kind in wishes:
        break_it(simulators(stack)[simulator], function, kind)
    for simulator, function, kind in fault.by_chance:
        chance = {"probability": CHANCE, "seconds": SLOW}
        break_it(simulators(stack)[simulator], function, kind, ALWAYS, **chance)


def simulators(stack: Stack) -> dict[str, str]:
    return {"smdp": stack.smdp_url, "payment": stack.payment_url, "network": stack.network_url}


def clear(stack: Stack) -> None:
    for url in simulators(stack).values():
        mend(url)


def shelve(stack: Stack, *, keep: int) -> None:
    """Leave only so many ICCIDs in the pool."""
    with psycopg.connect(stack.copy.database_url) as connection:
        connection.execute(SHELVE, [SHELVED, keep])


def unshelve(stack: Stack) -> None:
    with psycopg.connect(stack.copy.database_url) as connection:
        connection.execute(
            "UPDATE esim_sim SET profile_type = 'consumer' WHERE profile_type = %s", [SHELVED]
        )


def stock(stack: Stack, needed: int) -> None:
    """Add ICCIDs to the demo's pool where it is too small for so many orders."""
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
    parser.add_argument("--orders", type=int, default=20, help="under each fault (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--outage", type=float, default=60, help="seconds that the broker is down (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="leave the report here")
    parser.add_argument("--log", type=Path, help="leave here what all processes have said")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    options = parser.parse_args()
    report = []
    with scene(options.outage) as set_up:
        faults = [fault for fault in FAULTS if options.only in fault.name]
        stock(set_up.stack, options.orders * len(faults))
        crowds = arrivals(set_up.stack, options.orders, [fault.card for fault in faults])
        for fault, sessions in zip(faults, crowds, strict=True):
            report.append(play(set_up, fault, sessions, options.seed))
            print(json.dumps(report[-1]), flush=True)
        if options.log:
            shutil.copy(set_up.stack.log, options.log)
    if options.json:
        told = {"seed": options.seed, "orders": options.orders, "faults": report}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 1 if any(line["losses"] for line in report) else 0


if __name__ == "__main__":
    sys.exit(main())
