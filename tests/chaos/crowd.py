"""Customers who come to the review page one after another and submit all at once."""

import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.e2e.shopper import Shopper, order_number
from tests.stack import Stack

AT_ONCE = 8
STUBBORN_FOR = 90.0


@dataclass
class Buyer:
    """One customer, and what became of the submit."""

    shopper: Shopper
    number: str = ""
    answers: list[str] = field(default_factory=list)
    outages: int = 0
    wrong: list[str] = field(default_factory=list)

    def submit(self, times: int) -> None:
        """Send the review form so often in parallel, and again while the answer is 503."""
        form = self.shopper.sheet.form("submit-order")
        with ThreadPoolExecutor(times) as threads:
            sent = [threads.submit(self._send, form.action, form.fields) for _ in range(times)]
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


def gather(stack: Stack, size: int, card: str) -> list[Buyer]:
    """Bring so many new customers to their review pages."""

    def come(_number: int) -> Buyer:
        shopper = Shopper(stack.base_url)
        shopper.come_to_review(card)
        return Buyer(shopper)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(come, range(size)))


def submit_all(buyers: list[Buyer], *, times: int) -> None:
    """Let all submit at once, as far as threads go."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda buyer: buyer.submit(times), buyers))
