"""`python -m tests.chaos.sending --messages 20 --seed 1 --json sending.json`, on its own services.

For each fault, customers whose addresses nobody has proven are told something at the same time:
half of them by mail from a real SMTP server, half by SMS. Real workers send, and the fault strikes
while the messages are on their way. Each message must arrive, twice only after a lost answer, and
none outside the limits. In one fault the messages are those of real orders.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.chaos import deliveries
from tests.chaos.__main__ import add_iccids, table
from tests.chaos.crowd import create_crowds, open_review_pages, run_for_each
from tests.chaos.faults import APPROVED
from tests.chaos.target import Target, running_target
from tests.providers import break_it, mend

# In seconds: how long a worker stays at a barrier, within what time it comes there, and the pause
# between two strikes.
AT_BARRIER, COMES_WITHIN, PAUSE = 1.0, 8.0, (0.2, 1.5)
STRIKES = 3
LOST_IN_TEN = 4
# A fault about limits sends this many times as many messages to one address or number.
TO_ONE_ADDRESS = 4
# Longer than an outside call may take.
TOO_LONG = 2.0
# The kinds of lost answer, by what the fault is called.
LOST = {
    "before the message is accepted": "drop_before",
    "after it is accepted": "drop_after",
    "too late": "delay",
}
EVERY_LOST = tuple(LOST.values())
# The write then happens although the worker is dead, or it does not.
WAIT = """
CREATE OR REPLACE FUNCTION wait_at_barrier() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({seconds}); {then} END $$
"""
IS_STORED, IS_LOST = "RETURN NEW;", "RAISE EXCEPTION 'lost by the chaos run';"
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@dataclass(frozen=True)
class Barrier:
    """A write of the sending, before which a worker stops until it is killed."""

    table: str
    event: str
    condition: str = "true"


BARRIERS = {
    "the count": Barrier("customer_messages_sentcount", "INSERT OR UPDATE"),
    "the begin": Barrier("customer_messages_message", "UPDATE", "NEW.state = 'sending'"),
    "the attempt": Barrier("customer_messages_sendingcall", "INSERT"),
    "the answer": Barrier("customer_messages_sendingcall", "UPDATE"),
    "the end": Barrier("customer_messages_message", "UPDATE", "NEW.state = 'sent'"),
    "the task's end": Barrier(
        "outbox_task", "UPDATE", "NEW.kind = 'message' AND NEW.closed_at IS NOT NULL"
    ),
}
FATES = {"stored": IS_STORED, "lost": IS_LOST}


# It returns whether it has killed the worker.
Strike = Callable[[Target, random.Random], bool]


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `strike` is repeated; `lost` are the kinds of answers that are lost."""

    name: str
    strike: Strike | None = None
    lost: tuple[str, ...] = ()
    # All messages go to one address and one number, so that the limits are used up.
    is_limited: bool = False
    # The messages are the confirmations of orders.
    has_orders: bool = False


def kill_at(barrier: Barrier, fate: str) -> Strike:
    def strike(target: Target, _rng: random.Random) -> bool:
        with waiting_at(target, barrier, fate):
            has_come = _wait_until(lambda: _sleeping(target) > 0)
            if has_come:
                target.stack.kill_worker()
        if has_come:
            target.stack.start_worker()
        return has_come

    return strike


def kill_at_server(target: Target, _rng: random.Random) -> bool:
    """Kill the worker while a server has its message and has not answered."""
    before = sum(deliveries.copies_of(target).values())
    for url in _servers(target):
        break_it(url, "send", "delay", seconds=AT_BARRIER)
    has_come = _wait_until(lambda: sum(deliveries.copies_of(target).values()) > before)
    if has_come:
        target.stack.kill_worker()
        target.stack.start_worker()
    return has_come


def kill_at_random(target: Target, rng: random.Random) -> bool:
    time.sleep(rng.uniform(*PAUSE))
    target.stack.kill_worker()
    target.stack.start_worker()
    return True


FAULTS = [
    *(
        Fault(f"killed at {name}, which is {fate}", kill_at(barrier, fate))
        for name, barrier in BARRIERS.items()
        for fate in FATES
    ),
    Fault("killed while a server has the message", kill_at_server),
    *(Fault(f"answers lost: {when}", lost=(kind,)) for when, kind in LOST.items()),
    Fault("answers lost, killed at random", kill_at_random, lost=EVERY_LOST),
    Fault("limits used up", kill_at(BARRIERS["the count"], "lost"), is_limited=True),
    Fault("confirmations, killed at random", kill_at_random, lost=EVERY_LOST, has_orders=True),
]


@contextmanager
def waiting_at(target: Target, barrier: Barrier, fate: str) -> Iterator[None]:
    """Let every write of the barrier wait for a while, within the context."""
    wait = WAIT.format(seconds=AT_BARRIER, then=FATES[fate])
    named = {"table": sql.Identifier(barrier.table)}
    create = sql.SQL(
        f"CREATE TRIGGER barrier BEFORE {barrier.event} ON {{table}}"
        f" FOR EACH ROW WHEN ({barrier.condition}) EXECUTE FUNCTION wait_at_barrier()"
    )
    with psycopg.connect(target.database.url, autocommit=True) as connection:
        connection.execute(sql.SQL(wait))
        connection.execute(create.format(**named))
        try:
            yield
        finally:
            connection.execute(sql.SQL("DROP TRIGGER barrier ON {table}").format(**named))


def _sleeping(target: Target) -> int:
    with psycopg.connect(target.database.url) as connection:
        row = connection.execute(SLEEPING).fetchone()
    return int(row[0]) if row else 0


def _wait_until(is_true: Callable[[], bool]) -> bool:
    """Return whether it became true in time."""
    deadline = time.monotonic() + COMES_WITHIN
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _servers(target: Target) -> tuple[str, str]:
    return target.mailbox.url, target.stack.message_url


def run_fault(target: Target, fault: Fault, options: argparse.Namespace) -> dict[str, Any]:
    """Run one fault. Return its line of the report."""
    rng = random.Random(f"{options.seed} {fault.name}")  # noqa: S311 -- a seed makes a loss repeatable
    started, count = time.monotonic(), options.messages
    lose_answers(target, fault, count)
    with ThreadPoolExecutor(1) as thread:
        # The strikes begin before the first message is written.
        writing = thread.submit(order if fault.has_orders else tell, target, fault, count)
        strikes = strike(target, fault, rng, options.strikes)
        keys = writing.result()
    wrong = deliveries.find_losses(target, keys, is_limited=fault.is_limited)
    for url in _servers(target):
        mend(url)
    return {
        "fault": fault.name,
        "messages": len(keys),
        "strikes": strikes,
        **_counts(target, keys),
        "seconds": round(time.monotonic() - started),
        "losses": len(wrong),
        "lost": wrong,
    }


def strike(target: Target, fault: Fault, rng: random.Random, most: int) -> int:
    """Strike up to `most` times, and return how often the worker was killed."""
    count = 0
    while fault.strike and count < most and fault.strike(target, rng):
        count += 1
    return count


def lose_answers(target: Target, fault: Fault, count: int) -> None:
    """Lose the first answers of each kind, for a share of the messages."""
    for kind in fault.lost:
        for url in _servers(target):
            break_it(url, "send", kind, max(1, count * LOST_IN_TEN // 20), seconds=TOO_LONG)


def _counts(target: Target, keys: list[str]) -> dict[str, int]:
    found, copies = deliveries.sent(target, keys), deliveries.copies_of(target)
    states = Counter(one.state for one in found)
    return {
        "sent": states["sent"],
        "refused by a limit": states["refused"],
        "lost answers": sum(one.lost for one in found),
        "second copies": sum(max(0, copies[one.identifier] - 1) for one in found),
    }


def tell(target: Target, fault: Fault, count: int) -> list[str]:
    """Tell `count` customers something, and return the messages' keys."""
    count *= TO_ONE_ADDRESS if fault.is_limited else 1
    code = "from tests.chaos.telling import tell_customers;"
    code += f"tell_customers({count}, is_limited={fault.is_limited})"
    keys: list[str] = json.loads(target.stack.manage(code))
    return keys


def order(target: Target, _fault: Fault, count: int) -> list[str]:
    """Let `count` customers order, and return the orders' numbers."""
    add_iccids(target.stack, count)
    [sessions] = create_crowds(target.stack, count, [APPROVED])
    buyers = open_review_pages(target.stack, sessions)
    run_for_each(buyers, lambda buyer: buyer.submit(1))
    return [buyer.number for buyer in buyers]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sending", description=__doc__)
    parser.add_argument("--messages", type=int, default=20, help="for each fault (%(default)s)")
    parser.add_argument("--strikes", type=int, default=STRIKES, help="for each fault (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument(
        "--only",
        action="append",
        metavar="TEXT",
        help="run only faults whose name contains this text; may be given several times",
    )
    options = parser.parse_args()
    texts = options.only or [""]
    report = []
    with running_target(outage=0) as target:
        for fault in FAULTS:
            if any(text in fault.name for text in texts):
                report.append(run_fault(target, fault, options))
                print(json.dumps(report[-1]), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = {"seed": options.seed, "messages": options.messages, "faults": report}
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 1 if any(line["losses"] for line in report) else 0


if __name__ == "__main__":
    sys.exit(main())
