"""Customers who stand on their review pages and submit all at once."""

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

# So many at once, of whatever crowd: more would only wait for the web's own threads.
AT_ONCE, MOST_AT_ONCE = 8, 32
STUBBORN_FOR = 90.0
BANK_WITHIN = 90.0
# Read once: a thousand clients that each read the certificates take half a minute.
TLS = ssl.create_default_context()


class OneOfMany(Shopper):
    """A shopper whose session is there already."""

    def __init__(self, base_url: str, session: str) -> None:
        self.client = httpx.Client(
            base_url=base_url,
            cookies={"session": session},
            trust_env=False,
            timeout=60,
            verify=TLS,
        )
        self.page = LoadedPage("", 0, "")


@dataclass
class Buyer:
    """One customer, and what became of the submit."""

    shopper: Shopper
    number: str = ""
    answers: list[str] = field(default_factory=list)
    outages: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def submit(self, times: int) -> None:
        """Send the review form so often in parallel, and again while the answer is 503."""
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
        deadline = time.monotonic() + STUBBORN_FOR
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = self.shopper.client.post(action, data=fields)
                if answer.status_code == httpx.codes.SEE_OTHER:
                    return str(answer.headers["location"])
                self._note(answer)
            if time.monotonic() > deadline:
                raise TimeoutError("the submit was never answered")
            time.sleep(0.2)

    def _note(self, answer: httpx.Response) -> None:
        """Take a 503 with Retry-After for what it is; anything else is wrong."""
        if (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            and "retry-after" in answer.headers
        ):
            self.outages += 1
        else:
            self.wrong.append(f"the submit was answered {answer.status_code}")

    def leave(self, rng: random.Random) -> None:
        """Cancel a moment after the submit, and keep what the host was told."""
        time.sleep(rng.uniform(0, 0.6))
        self.shopper.open("/leave/")
        page = self.shopper.send("/leave/")
        told = self.shopper.handed_over()["success"] if page.address == "/handoff/" else None
        self.answers.append(f"told {told}")

    def confirm(self, rng: random.Random) -> None:
        """Say yes at the bank, whose message is faster than the customer, and come back."""
        self.shopper.open(self.answers[0])
        bank = self.shopper.wait_for_link("/challenge/", BANK_WITHIN)
        sent = httpx.post(bank, data={"decision": "approve"}, trust_env=False)
        time.sleep(rng.uniform(0.2, 1))
        back = self.shopper.open(sent.headers["location"])
        if back.status != httpx.codes.OK or back.address != self.answers[0]:
            self.wrong.append(f"{self.number}: back from the bank to {back.status} {back.address}")


def arrivals(stack: Stack, size: int, cards: list[str]) -> list[list[str]]:
    """Let a crowd of this size come for each card, and return their sessions."""
    code = f"from tests.chaos.arrivals import arrive; arrive({size}, {cards!r})"
    crowds: list[list[str]] = json.loads(stack.manage(code))
    return crowds


def gather(stack: Stack, sessions: list[str]) -> list[Buyer]:
    """Let everybody of a crowd look at the review page."""
    buyers = [Buyer(OneOfMany(stack.base_url, session)) for session in sessions]
    each(buyers, lambda buyer: buyer.shopper.open("/review/"))
    return buyers


def each(buyers: list[Buyer], act: Callable[[Buyer], object]) -> None:
    """Let all act at once, as far as threads go."""
    with ThreadPoolExecutor(min(MOST_AT_ONCE, max(AT_ONCE, len(buyers) // 20))) as threads:
        list(threads.map(act, buyers))
