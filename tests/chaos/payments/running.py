"""One run: waves of payments, and in each wave everything that can go wrong."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import httpx

from demo.parts import ROOT
from demo.supervisor import Supervisor
from tests.chaos.payments.clock import count_open, let_three_days_pass, make_due
from tests.chaos.payments.crowd import Crowd
from tests.chaos.payments.outcomes import Outcomes
from tests.chaos.payments.post_office import PostOffice
from tests.chaos.payments.stories import Circumstances
from tests.providers import break_it, mend

# Each random fault strikes one call in fifty.
CHANCE, MANY = 0.02, 1_000_000
AT_RANDOM = ("drop_before", "drop_after", "http_500", "malformed")
# In seconds: how long answers are lost, a gateway is away or switched off, and a wave may last.
LOST_FOR, AWAY_FOR, OFF_FOR, WAVE_FOR, DRAIN_FOR = 1.5, 0.5, 0.7, 30.0, 600.0
# How long workers are killed before the last orders end without faults.
STRUCK_FOR = 90.0
READY_WITHIN = 30.0
# A wave is over when only this many of its orders are open. They end during the next wave.
LEFT_OVER = 20
# After how many rounds of a second staff continue what waits for them.
STAFF_AFTER = 6
# In one round out of this many, waiting tasks are made due. In each round would be too often.
DUE_EVERY = 4


class Workers:
    """The nursery process, and what it counts."""

    def __init__(
        self, strikes: int, barriers: Sequence[str], log: IO[str], *, of: str = "payments"
    ) -> None:
        nursery = [sys.executable, "-m", f"tests.chaos.{of}.nursery"]
        command = [*nursery, str(strikes), *barriers]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def start(self, given: str = "") -> None:
        self._say(f"start {given}".rstrip())

    def calm_down(self, given: str = "") -> None:
        """Let the workers go on without being killed."""
        self._say(f"calm {given}".rstrip())

    def move(self, given: str) -> None:
        """Let the workers that run go on in another time."""
        self._say(f"move {given}")

    def kill(self) -> None:
        self._say("kill")

    def strikes(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self._say("report")
        return found

    def end(self) -> None:
        self._process.communicate(timeout=READY_WITHIN)

    def _say(self, command: str) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass
class Run:
    """The processes of one run."""

    database_url: str
    gateway: Outcomes
    address: str
    simulators: Supervisor
    workers: Workers
    crowd: Crowd
    office: PostOffice
    counts: Counter[str] = field(default_factory=Counter)

    def wave(self, wanted: list[Circumstances]) -> None:
        """Make these payments, half of them while answers are lost; then three days pass."""
        mend(self.address)
        stories = self.crowd.come(wanted)
        half = len(stories) // 2
        self._strike_at_random()
        self.crowd.submit(stories[:half])
        self._switch_off()
        self._wait(1.0)
        self._lose_answers()
        self.crowd.submit(stories[half:])
        self.crowd.act()
        self._wait(LOST_FOR)
        self._be_away()
        self._strike_at_random()
        self._wait_for_ends(WAVE_FOR, every=0.3, left_over=LEFT_OVER)

    def drain(self) -> None:
        """Wait until everything has ended. At last there are no further faults."""
        self._wait_for_ends(STRUCK_FOR, every=0.3, left_over=LEFT_OVER)
        mend(self.address)
        self.workers.calm_down()
        self._wait_for_ends(DRAIN_FOR, every=0.5)

    def _strike_at_random(self) -> None:
        mend(self.address)
        for function in self.gateway.functions:
            for fault in AT_RANDOM:
                break_it(self.address, function, fault, MANY, probability=CHANCE)

    def _lose_answers(self) -> None:
        """Lose every answer, after the work is done."""
        mend(self.address)
        for function in self.gateway.functions:
            break_it(self.address, function, "drop_after", MANY)

    def _be_away(self) -> None:
        """Take the gateway away for three days. Nobody works meanwhile, and it forgets all keys."""
        self.simulators.kill(self.gateway.simulator)
        self._wait(AWAY_FOR)
        self.workers.kill()
        let_three_days_pass(self.database_url)
        self.simulators.launch(self.gateway.simulator)
        wait_until_there(self.address)
        self.gateway.let_days_pass()
        self.workers.start()
        self.counts["times away for 72 hours"] += 1

    def _switch_off(self) -> None:
        """Let PAYMENT_GATEWAY list no such gateway for a while, with orders on their way."""
        self.workers.start(self.gateway.adapter)
        self._wait(OFF_FOR)
        self.workers.start()
        self.counts["times switched off"] += 1

    def _is_at_rest(self, rounds: int) -> bool:
        """Return whether the bank has decided everything, and every event has been delivered."""
        return not self.crowd.open and rounds > 2 * STAFF_AFTER and not self.office.waiting()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.crowd.act()
            time.sleep(0.1)

    def _wait_for_ends(self, limit: float, *, every: float, left_over: int = 0) -> None:
        """Wait until only this many orders, or none, are under way. No task waits for its time."""
        from payments.tasks import let_go  # noqa: PLC0415 -- Django has to be set up first

        until, rounds = time.monotonic() + limit, 0
        while time.monotonic() < until:
            self.crowd.act(all_of_it=not left_over)
            let_go()
            is_time = rounds % DUE_EVERY == 0
            tasks = make_due(self.database_url) if is_time else count_open(self.database_url)
            under_way = tasks + self.crowd.unfinished()
            if under_way <= left_over and (left_over or self._is_at_rest(rounds)):
                return
            rounds += 1
            if rounds % STAFF_AFTER == 0:
                self.crowd.serve()
                self.gateway.end_refunds()
                self.gateway.end_disputes()
                self.office.fetch_all()
            time.sleep(every)


def wait_until_there(address: str) -> None:
    """Wait until the simulator answers."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        try:
            if httpx.get(f"{address}/healthz", trust_env=False, timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    message = f"nothing answers at {address}"
    raise RuntimeError(message)


@contextmanager
def opened(office: PostOffice) -> Iterator[PostOffice]:
    """Deliver the gateway's events within the context."""
    office.open()
    try:
        yield office
    finally:
        office.close()
