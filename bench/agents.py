"""What the source lets 25 agents do, as locust runs it; `bench.load` tells it where and how fast.

Each agent asks at the step's rate over a connection of its own, by its client certificate.
"""

import os
import random
import ssl
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import gevent
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment

from bench.sims import PREFIX
from moportal.identifiers import Iccid

AGENTS, HOUR = 25, 3600.0
COMPRESS, TIMES = float(os.environ["LOAD_COMPRESS"]), float(os.environ["LOAD_TIMES"])
TOLD = "X-MS-DM-TransactionId"
# A run that asks less than this share of what was planned has not shown what it should.
ENOUGH = 0.97


@dataclass(frozen=True)
class Step:
    """Which SIMs are asked about, how often a second by each agent, and for how long."""

    sims: int
    rate: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.sims} ICCIDs, {AGENTS} x {self.rate:g}/s"


STEPS = tuple(
    Step(sims, rate * TIMES, hours * HOUR / COMPRESS)
    for sims, rate, hours in ((100, 1, 1), (500, 1, 4), (1000, 3, 1))
)
PLANNED = sum(AGENTS * step.rate * step.seconds for step in STEPS)


class Shape(LoadTestShape):
    """All agents from the start to the end of the last step."""

    def tick(self) -> tuple[int, float] | None:
        return (AGENTS, AGENTS) if self.get_run_time() < sum(s.seconds for s in STEPS) else None

    def step(self) -> Step:
        """Return the one that it is time for."""
        left = self.get_run_time()
        for step in STEPS:
            left -= step.seconds
            if left < 0:
                break
        return step


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ["LOAD_AUTHORITY"])
    context.load_cert_chain(os.environ["LOAD_CERTIFICATE"], os.environ["LOAD_KEY"])
    return context


class Agent(FastHttpUser):
    """One of the source's agents."""

    insecure = False
    ssl_context_factory = staticmethod(trusting)

    def on_start(self) -> None:
        """Begin at a moment of its own, so that agents do not ask all at once."""
        offset = random.uniform(0, 1 / self._step().rate)  # noqa: S311 -- no secret
        self._due = self.environment.shape_class.get_run_time() + offset
        gevent.sleep(offset)

    def wait_time(self) -> float:
        """Return the seconds up to the next request, due at even moments whatever the last took."""
        self._due += 1 / self._step().rate
        left: float = self._due - self.environment.shape_class.get_run_time()
        return max(left, 0.0)

    @task
    def balance(self) -> None:
        """Ask about one SIM; what is not the answer that it should be is a failure."""
        step = self._step()
        told = uuid.uuid4().hex
        iccid = Iccid.numbered(PREFIX, random.randint(1, step.sims))  # noqa: S311 -- no secret
        with self.client.get(
            f"/v1/sims/iccid:{iccid}/balances?fieldsTemplate=basic",
            headers={TOLD: told},
            name=str(step),
            catch_response=True,
        ) as answer:
            if answer.status_code != HTTPStatus.OK:
                answer.failure(f"status {answer.status_code}: {answer.text}")
            elif answer.headers.get(TOLD) != told or not answer.json()["balances"]:
                answer.failure(f"not an answer: {answer.text}")

    def _step(self) -> Step:
        step: Step = self.environment.shape_class.step()
        return step


@events.quitting.add_listener
def judge(environment: Environment, **_told: Any) -> None:
    """Succeed if everything did, and if it was asked as often as planned."""
    total = environment.stats.total
    print(
        f"{total.num_requests} of {PLANNED:.0f} requests, {total.num_failures} failures, "
        f"{total.avg_response_time:.1f} ms on average, "
        f"p99 {total.get_response_time_percentile(0.99)} ms"
    )
    is_good = not total.num_failures and total.num_requests >= ENOUGH * PLANNED
    environment.process_exit_code = 0 if is_good else 1
