"""`python -m tests.chaos.payments.nursery`: workers that are killed, and replaced at once.

It loads the portal once and forks the workers, so that a new one takes milliseconds. It reads
commands from its input: `start`, `start NAME` for workers whose settings do not list that gateway,
`calm` for workers that nothing kills, `kill`, and `report`. It answers each with one line of JSON,
and ends with its input. `tests.chaos.renewals` has its own moments, and names a time. `move TIME`
takes the workers that run to another time.
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
from functools import partial
from multiprocessing.sharedctypes import RawArray

import django
import psycopg
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.validators import validate_email
from django.db import connection
from django.urls import get_resolver
from django.utils.timezone import now
from django.utils.translation import gettext, override

from moportal import http_client
from payments.gateways import gateways
from subscriptions.networks import network
from tests.chaos.payments.barriers import PAYMENTS, Moments, Striker

WORKERS = 4
# A barrier's chance before it has had enough strikes, and afterwards. Without the second one,
# workers would die at the common barriers all the time.
CHANCE, LATER = 0.1, 0.004
CHANCE_IF_RARE = 0.4
# The signal to prepare once more, and how long in bytes what is given may be.
AGAIN, LONGEST_GIVEN = signal.SIGUSR1, 100
# Messages to customers need no gateway: `make chaos` has them.
NOT_OURS = ("message",)
# Workers ask for this all the time, so no ORM makes it.
DUE = """SELECT id FROM outbox_task WHERE closed_at IS NULL AND not_before <= %(at)s
    AND (lease_until IS NULL OR lease_until < %(at)s) AND kind <> ALL(%(others)s)
    ORDER BY not_before LIMIT 20"""
# For a task that a dead worker has claimed, the time of its lease passes at once.
END_LEASE = "UPDATE outbox_task SET lease_until = created_at WHERE lease_token = %s"


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
        # The tokens of the leases that each dead worker had, by its process.
        self._leases = dict[int, str]()
        self._is_working, self._is_calm = False, False
        # The workers read these two, which they share with this process.
        self._given = RawArray("c", LONGEST_GIVEN)
        self._chances = RawArray("d", len(moments.names))
        # A worker prepares once more on this signal, but not before it has prepared at first.
        signal.signal(AGAIN, lambda *_: self._prepare(self._given.value.decode()))
        signal.pthread_sigmask(signal.SIG_BLOCK, [AGAIN])
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._reads, False)

    def start(self, given: str, *, is_calm: bool) -> None:
        self.kill()
        self._is_working, self._is_calm = True, is_calm
        self._given.value = given.encode()
        self._set_chances()

    def move(self, given: str) -> None:
        """Let the workers that run prepare once more, with something else."""
        self._given.value = given.encode()
        for worker in self._workers:
            os.kill(worker, AGAIN)

    def kill(self) -> None:
        """Kill all workers, and start none."""
        self._is_working = False
        for worker in self._workers:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        self._workers.clear()
        self._leases.clear()

    def tend(self) -> None:
        """Count the strikes, and replace the workers that are dead."""
        self._count()
        for worker in list(self._workers):
            if os.waitpid(worker, os.WNOHANG)[0]:
                self._workers.remove(worker)
                self._end_lease(worker)
        while self._is_working and len(self._workers) < WORKERS:
            self._workers.add(self._fork())

    def _count(self) -> None:
        try:
            said = os.read(self._reads, 1 << 16).decode()
        except BlockingIOError:
            return
        for line in said.splitlines():
            what, barrier, worker, token = line.split("\t")
            (self.killed if what == "killed" else self.stalled)[barrier] += 1
            self._leases[int(worker)] = token
        self._set_chances()

    def _set_chances(self) -> None:
        """Set the chance of each barrier, which is higher until it has had enough strikes."""
        for number, name in enumerate(self._moments.names):
            is_short = name in self._barriers and self.killed[name] < self._strikes
            is_rare = any(word in name for word in self._moments.rare)
            chance = CHANCE_IF_RARE if is_rare else CHANCE
            self._chances[number] = 0 if self._is_calm else chance if is_short else LATER

    def _end_lease(self, worker: int) -> None:
        """Let others have the dead worker's task at once, as if its lease had lasted to its end."""
        if token := self._leases.pop(worker, ""):
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
                database.execute(END_LEASE, [token])

    def _fork(self) -> int:
        worker = os.fork()
        if not worker:
            os.close(self._reads)
            stall = settings.OUTBOX_LEASE + 0.5
            striker = Striker(self._moments, self._chances, self._writes, stall=stall)
            try:
                self._prepare(self._given.value.decode())
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [AGAIN])
                work(striker)
            finally:
                # The nursery's own code must not go on in the worker.
                os._exit(1)
        return worker


def hide_gateway(name: str) -> None:
    """Let this process know no gateway with this adapter."""
    settings.PAYMENT_GATEWAY = [path for path in settings.PAYMENT_GATEWAY if path != name]


def load() -> None:
    """Load what workers load when they first need it, so that each fork has it already."""
    http_client.connections()
    network()
    gateways()
    assert get_resolver().reverse_dict
    for model in apps.get_models():
        model._meta.get_fields()
    validate_email("noor@example.com")
    current_app.send_task("outbox.tasks.process", args=[0])
    for language, _name in settings.LANGUAGES:
        with override(language):
            gettext("Order")


def work(striker: Striker) -> None:
    """Process every due task, for ever, until a barrier or the nursery ends this process."""
    from outbox.domain import process  # noqa: PLC0415 -- Django has to be set up first

    connection.ensure_connection()
    connection.execute_wrappers.append(striker)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(DUE, {"at": now(), "others": list(NOT_OURS)})
            found = [task for (task,) in cursor.fetchall()]
        # Otherwise all workers would want the same task.
        random.shuffle(found)
        for task in found:
            process(task)
        if not found:
            time.sleep(0.02)


def serve(moments: Moments, prepare: Callable[[str], None]) -> None:
    """Tend workers as the commands say. Each worker is prepared with what was given to `start`."""
    django.setup()
    load()
    # Without names it is all barriers.
    nursery = Nursery(moments, prepare, int(sys.argv[1]), sys.argv[2:] or moments.names)
    acts: dict[str, Callable[[str], None]] = {
        "start": partial(nursery.start, is_calm=False),
        "calm": partial(nursery.start, is_calm=True),
        "move": nursery.move,
        "kill": lambda _given: nursery.kill(),
        "": lambda _given: nursery.kill(),
    }
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.01)
        line = sys.stdin.readline() if ready else ""
        command, _, rest = line.rstrip("\n").partition(" ")
        if ready and command in acts:
            acts[command](rest)
        if ready and not command:
            return
        nursery.tend()
        if ready and command == "report":
            answer = {"killed": nursery.killed, "stalled": nursery.stalled}
            print(json.dumps(answer), flush=True)
        elif ready:
            print(json.dumps("done"), flush=True)


if __name__ == "__main__":
    serve(PAYMENTS, hide_gateway)
