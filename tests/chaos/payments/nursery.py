"""`python -m tests.chaos.payments.nursery`: workers that are killed, and replaced at once.

It loads the portal once and forks the workers, so that a new one takes milliseconds. It reads
commands from its input: `start`, `start NAME` for workers whose settings do not list that gateway,
`calm` for workers that nothing kills, `kill`, and `report`. It answers each with one line of JSON,
and ends with its input. `tests.chaos.renewals` has its own moments, and names a time.
"""

import json
import os
import random
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection

import django
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils.timezone import now

from tests.chaos.payments.barriers import PAYMENTS, Moments, Striker

WORKERS = 4
# A barrier's chance before it has had enough strikes, and afterwards. Without the second one,
# workers would die at the common barriers all the time.
CHANCE, LATER = 0.1, 0.004
CHANCE_IF_RARE = 0.4
# Messages to customers need no gateway: `make chaos` has them.
NOT_OURS = ("message",)
BATCH = 20


class Nursery:
    """The workers, and how often each barrier was struck."""

    def __init__(
        self,
        moments: Moments,
        prepare: Callable[[str], None],
        strikes: int,
        barriers: Collection[str],
    ) -> None:
        self._moments, self._prepare = moments, prepare
        self._strikes, self._barriers = strikes, barriers
        self.killed, self.stalled = Counter[str](), Counter[str]()
        self._workers = set[int]()
        self._is_working, self._is_calm, self._given = False, False, ""
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._reads, False)

    def start(self, given: str, *, is_calm: bool) -> None:
        self.kill()
        self._is_working, self._is_calm, self._given = True, is_calm, given

    def kill(self) -> None:
        """Kill all workers, and start none."""
        self._is_working = False
        for worker in self._workers:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        self._workers.clear()

    def tend(self) -> None:
        """Count the strikes, and replace the workers that are dead."""
        self._count()
        for worker in list(self._workers):
            if os.waitpid(worker, os.WNOHANG)[0]:
                self._workers.remove(worker)
        while self._is_working and len(self._workers) < WORKERS:
            self._workers.add(self._fork())

    def _count(self) -> None:
        try:
            said = os.read(self._reads, 1 << 16).decode()
        except BlockingIOError:
            return
        for line in said.splitlines():
            what, barrier = line.split("\t")
            (self.killed if what == "killed" else self.stalled)[barrier] += 1

    def _fork(self) -> int:
        chances = dict.fromkeys(self._moments.names, 0 if self._is_calm else LATER)
        short = [name for name in self._barriers if self.killed[name] < self._strikes]
        for name in [] if self._is_calm else short:
            is_rare = any(word in name for word in self._moments.rare)
            chances[name] = CHANCE_IF_RARE if is_rare else CHANCE
        worker = os.fork()
        if not worker:
            os.close(self._reads)
            stall = settings.OUTBOX_LEASE + 0.5
            striker = Striker(self._moments, chances, self._writes, stall=stall)
            try:
                self._prepare(self._given)
                work(striker)
            finally:
                # The nursery's own code must not go on in the worker.
                os._exit(1)
        return worker


def hide_gateway(name: str) -> None:
    """Let this process know no gateway with this adapter."""
    settings.PAYMENT_GATEWAY = [path for path in settings.PAYMENT_GATEWAY if path != name]


def work(striker: Striker) -> None:
    """Process every due task, for ever, until a barrier or the nursery ends this process."""
    from outbox.domain import process  # noqa: PLC0415 -- Django has to be set up first
    from outbox.models import Task  # noqa: PLC0415 -- the same

    connection.ensure_connection()
    connection.execute_wrappers.append(striker)
    while True:
        at = now()
        is_free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
        due = Task.objects.filter(is_free, closed_at=None, not_before__lte=at)
        due = due.exclude(kind__in=NOT_OURS).order_by("not_before")
        found = list(due.values_list("pk", flat=True)[:BATCH])
        # Otherwise all workers would want the same task.
        random.shuffle(found)
        for task in found:
            process(task)
        if not found:
            time.sleep(0.03)


def serve(moments: Moments, prepare: Callable[[str], None]) -> None:
    """Tend workers as the commands say. Each worker is prepared with what was given to `start`."""
    django.setup()
    # Without names it is all barriers.
    nursery = Nursery(moments, prepare, int(sys.argv[1]), sys.argv[2:] or moments.names)
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.01)
        if ready:
            command, _, rest = sys.stdin.readline().rstrip("\n").partition(" ")
            if command in {"", "kill"}:
                nursery.kill()
            if command == "":
                return
            if command in {"start", "calm"}:
                nursery.start(rest, is_calm=command == "calm")
        nursery.tend()
        if ready and command == "report":
            answer = {"killed": nursery.killed, "stalled": nursery.stalled}
            print(json.dumps(answer), flush=True)
        elif ready:
            print(json.dumps("done"), flush=True)


if __name__ == "__main__":
    serve(PAYMENTS, hide_gateway)
