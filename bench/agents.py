"""Microsoft's load plan of 25 agents, as locust runs it. `bench.load` sets its environment.

Each agent sends requests at the step's rate over its own
connection, with a client certificate.
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

from bench.sim_tables import PREFIX
from moportal.identifiers import Iccid

AGENTS, HOUR = 25, 3600.0
COMPRESS, TIMES = float(os.environ["LOAD_COMPRESS"]), float(os.environ["LOAD_TIMES"])
TRANSACTION_HEADER = "X-MS-DM-TransactionId"
# A run with less than this share of the planned requests proves nothing.
SMALLEST_SHARE = 0.97


@dataclass(frozen=True)
class Step:
    """The number of SIMs, the requests per second of each agent, and how many seconds it lasts."""

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
    """Runs all agents from the start to the end of the last step."""

    def tick(self) -> tuple[int, float] | None:
        return (AGENTS, AGENTS) if self.get_run_time() < sum(s.seconds for s in STEPS) else None

    def step(self) -> Step:
        """Return the current step."""
        elapsed = self.get_run_time()
        for step in STEPS:
            elapsed -= step.seconds
            if elapsed < 0:
                break
        return step


def tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ["LOAD_AUTHORITY"])
    context.load_cert_chain(os.environ["LOAD_CERTIFICATE"], os.environ["LOAD_KEY"])
    return context


class Agent(FastHttpUser):
    """One of the agents. locust calls its methods."""

    insecure = False
    ssl_context_factory = staticmethod(tls_context)

    def on_start(self) -> None:
        """Start at a random moment, so that agents do not send in step."""
        offset = random.uniform(0, 1 / self._step().rate)  # noqa: S311 -- no secret
        self._due = self.environment.shape_class.get_run_time() + offset
        gevent.sleep(offset)

    def wait_time(self) -> float:
        """Return the seconds until the next request. Requests are due at even intervals."""
        self._due += 1 / self._step().rate
        left: float = self._due - self.environment.shape_class.get_run_time()
        return max(left, 0.0)

    @task
    def balance(self) -> None:
        """Request one SIM's balances. Any unexpected answer is a failure."""
        step = self._step()
        transaction = uuid.uuid4().hex
        iccid = Iccid.numbered(PREFIX, random.randint(1, step.sims))  # noqa: S311 -- no secret
        with self.client.get(
            f"/v1/sims/iccid:{iccid}/balances?fieldsTemplate=basic",
            headers={TRANSACTION_HEADER: transaction},
            name=str(step),
            catch_response=True,
        ) as answer:
            if answer.status_code != HTTPStatus.OK:
                answer.failure(f"status {answer.status_code}: {answer.text}")
            elif (
                answer.headers.get(TRANSACTION_HEADER) != transaction
                or not answer.json()["balances"]
            ):
                answer.failure(f"unexpected answer: {answer.text}")

    def _step(self) -> Step:
        step: Step = self.environment.shape_class.step()
        return step


@events.quitting.add_listener
def set_exit_code(environment: Environment, **_arguments: Any) -> None:
    """Succeed if no request failed and enough requests were sent."""
    total = environment.stats.total
    print(
        f"{total.num_requests} of {PLANNED:.0f} requests, {total.num_failures} failures, "
        f"{total.avg_response_time:.1f} ms on average, "
        f"p99 {total.get_response_time_percentile(0.99)} ms"
    )
    is_good = not total.num_failures and total.num_requests >= SMALLEST_SHARE * PLANNED
    environment.process_exit_code = 0 if is_good else 1
