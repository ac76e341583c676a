"""`python -m tests.chaos --orders 20 --seed 1 --json chaos.json`, on throwaway services.

For each fault: customers come to review, submit at once, blows fall while their orders are under
way, every order must end within two minutes, and the three books must agree to the row.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.chaos import books
from tests.chaos.crowd import AT_ONCE, Buyer, gather, submit_all
from tests.chaos.faults import FAULTS, Fault
from tests.stack import Stack, make_copy, running_stack

# A dead worker's lease must run out first; the default is made for calls that take longer.
SHORT = {"OUTBOX_LEASE": "4", "OUTSIDE_CALL_TIMEOUT": "1.5"}
LOST_IN_TEN = 3
# Seconds: between two blows, and how long they fall on orders that have not ended.
BLOW_EVERY, BLOWS_FOR = (0.4, 1.5), 12.0
SHELVED = "shelved"


class Blows(threading.Thread):
    """Strikes again and again until it is told to stop; counts."""

    def __init__(self, stack: Stack, fault: Fault, seed: str) -> None:
        super().__init__(daemon=True)
        self.stack, self.fault, self.rng = stack, fault, random.Random(seed)  # noqa: S311 -- a seed
        self.count, self.over = 0, threading.Event()

    def run(self) -> None:
        while self.fault.blow and not self.over.wait(self.rng.uniform(*BLOW_EVERY)):
            self.fault.blow(self.stack, self.rng)
            self.count += 1

    def stop(self) -> None:
        self.over.set()
        self.join()


def play(stack: Stack, fault: Fault, orders: int, seed: int) -> dict[str, Any]:
    """Play one fault and return its line of the report."""
    rng = random.Random(f"{seed} {fault.name}")  # noqa: S311 -- a seed makes a loss come back
    buyers = gather(stack, orders, fault.card)
    if fault.stock is not None:
        shelve(stack, keep=round(orders * fault.stock))
    script(stack, fault, orders, rng)
    blows = Blows(stack, fault, f"{seed} {fault.name} blows")
    started = time.monotonic()
    blows.start()
    submit_all(buyers, times=fault.submits)
    if fault.leaves:
        leave(buyers, rng)
    numbers = [buyer.number for buyer in buyers]
    # At least one blow falls, however fast the orders are; the last one is followed by peace.
    while fault.blow and time.monotonic() - started < BLOWS_FOR:
        if blows.count and books.have_ended(stack, numbers):
            break
        time.sleep(0.1)
    blows.stop()
    clear(stack)
    slowest = books.wait_for_ends(stack, numbers)
    wrong = [said for buyer in buyers for said in buyer.wrong] + books.losses(stack, numbers)
    wrong += lies(stack, buyers) if fault.leaves else []
    if fault.stock is not None:
        unshelve(stack)
    states = [row.state for row in books.rows(stack, numbers)]
    return {
        "fault": fault.name,
        "orders": orders,
        "blows": blows.count + len(fault.scripted),
        **{state: states.count(state) for state in ("completed", "failed", "cancelled")},
        "outages": sum(buyer.outages for buyer in buyers),
        "seconds to the last end after the last blow": round(slowest, 1),
        "losses": len(wrong),
        "lost": wrong,
    }


def leave(buyers: list[Buyer], rng: random.Random) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda buyer: buyer.leave(random.Random(rng.random())), buyers))  # noqa: S311 -- the same


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
        url = stack.smdp_url if simulator == "smdp" else stack.payment_url
        told = {"function": function, "fault": kind, "times": 1}
        httpx.post(f"{url}/faults", json=told, trust_env=False).raise_for_status()


def clear(stack: Stack) -> None:
    for url in (stack.smdp_url, stack.payment_url):
        httpx.delete(f"{url}/faults", trust_env=False).raise_for_status()


def shelve(stack: Stack, *, keep: int) -> None:
    """Leave only so many ICCIDs in the pool."""
    stack.manage(
        "from esim.models import Sim;"
        "free = Sim.objects.filter(kind='profile', state='available', profile_type='consumer');"
        f"kept = list(free.order_by('pk').values_list('pk', flat=True)[:{keep}]);"
        f"free.exclude(pk__in=kept).update(profile_type={SHELVED!r})"
    )


def unshelve(stack: Stack) -> None:
    stack.manage(
        "from esim.models import Sim;"
        f"Sim.objects.filter(profile_type={SHELVED!r}).update(profile_type='consumer')"
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
    parser.add_argument("--json", type=Path, help="leave the report here")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    options = parser.parse_args()
    report = []
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
        running_stack(make_copy("postgresql", Path(folder)), SHORT) as stack,
    ):
        stock(stack, options.orders * len(FAULTS))
        for fault in FAULTS:
            if options.only in fault.name:
                report.append(play(stack, fault, options.orders, options.seed))
                print(json.dumps(report[-1]), flush=True)
    if options.json:
        told = {"seed": options.seed, "orders": options.orders, "faults": report}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 1 if any(line["losses"] for line in report) else 0


if __name__ == "__main__":
    sys.exit(main())
