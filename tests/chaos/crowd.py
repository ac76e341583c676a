"""Customers who have their review pages open and all submit at the same time."""

import contextlib
import json
import random
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.e2e.shopper import LoadedPage, Shopper, order_number
from tests.stack import Stack

# Threads for a small crowd and for any crowd. More would only wait
# for the web server's threads.
FEWEST_THREADS, MOST_THREADS = 8, 32
# In seconds.
RETRY_WITHIN = 90.0
BANK_WITHIN = 90.0
# Loaded once. If a thousand clients each load the certificates, it takes half a minute.
TLS = ssl.create_default_context()


class SignedInShopper(Shopper):
    """A shopper with an existing session."""

    def __init__(self, base_url: str, session: str) -> None:
        self.client = httpx.Client(
            base_url=base_url,
            cookies={"session": session},
            trust_env=False,
            timeout=60,
            verify=TLS,
            # A thousand idle connections would be as many as the server accepts at once.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self.page = LoadedPage("", 0, "")


@dataclass
class Buyer:
    """One customer, and the results of submitting the order."""

    shopper: Shopper
    number: str = ""
    answers: list[str] = field(default_factory=list)
    outages: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def submit(self, times: int) -> None:
        """Send the review form `times` times in parallel. Send it again while the answer is 503."""
        form = self.shopper.page.form("submit-order")
        started = time.monotonic()
        with ThreadPoolExecutor(times) as threads:
            sent = [threads.submit(self._send, form.action, form.fields) for _ in range(times)]
        self.seconds = time.monotonic() - started
        self.answers = [one.result() for one in sent]
        self.number = order_number(self.answers[0])
        if len(set(self.answers)) > 1:
            self.wrong.append(f"the same form led to {sorted(set(self.answers))}")

    def _send(self, action: str, fields: dict[str, str]) -> str:
        deadline = time.monotonic() + RETRY_WITHIN
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self.shopper.client.post(action, data=fields)
                if answer.status_code == httpx.codes.SEE_OTHER:
                    return str(answer.headers["location"])
                self._count_outage(answer)
            if time.monotonic() > deadline:
                raise TimeoutError("the submit was never answered")
            time.sleep(0.2)

    def _count_outage(self, answer: httpx.Response) -> None:
        """Count a 503 with Retry-After as an outage. Any other answer is wrong."""
        if (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            and "retry-after" in answer.headers
        ):
            self.outages += 1
        else:
            self.wrong.append(f"the submit was answered {answer.status_code}")

    def leave(self, rng: random.Random) -> None:
        """Cancel a moment after the submit. Store the `success` that was handed over."""
        time.sleep(rng.uniform(0, 0.6))
        self.shopper.open("/leave/")
        page = self.shopper.send("/leave/")
        success = self.shopper.handed_over()["success"] if page.address == "/handoff/" else None
        self.answers.append(f"success {success}")

    def confirm(self, rng: random.Random) -> None:
        """Approve at the bank and return, later than the bank's webhook."""
        self.shopper.open(self.answers[0])
        bank = self.shopper.wait_for_link("/challenge/", BANK_WITHIN)
        sent = httpx.post(bank, data={"decision": "approve"}, trust_env=False)
        time.sleep(rng.uniform(0.2, 1))
        back = self.shopper.open(sent.headers["location"])
        if back.status != httpx.codes.OK or back.address != self.answers[0]:
            self.wrong.append(f"{self.number}: back from the bank to {back.status} {back.address}")


def create_crowds(stack: Stack, size: int, cards: list[str]) -> list[list[str]]:
    """Create `size` customers for each card. Return their session keys."""
    code = f"from tests.chaos.sessions import create_sessions; create_sessions({size}, {cards!r})"
    crowds: list[list[str]] = json.loads(stack.manage(code))
    return crowds


def open_review_pages(stack: Stack, sessions: list[str]) -> list[Buyer]:
    """Return a buyer for each session, with the review page open."""
    buyers = [Buyer(SignedInShopper(stack.base_url, session)) for session in sessions]
    run_for_each(buyers, lambda buyer: buyer.shopper.open("/review/"))
    return buyers


def run_for_each(buyers: list[Buyer], act: Callable[[Buyer], object]) -> None:
    """Run the action for all buyers in parallel, limited by the number of threads."""
    with ThreadPoolExecutor(min(MOST_THREADS, max(FEWEST_THREADS, len(buyers) // 20))) as threads:
        list(threads.map(act, buyers))
