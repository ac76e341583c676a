"""The people of `bench.guessing`: who guesses, who is honest, and who only reads pages."""

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from bench.browsers import Answer, Browser
from bench.guessing_server import GUESS

# The honest customer's address. Each stranger guesses from one of 10 000 other addresses.
OWN_ADDRESS = "198.51.100.7"
SESSION, KNOWN = "__Host-session", "__Host-browser"
PASSWORD = "a long enough pass phrase"  # noqa: S105 -- of the benchmark's customers
CODE = r"\b([B-Z2-9]{4}(?:-[B-Z2-9]{4}){3})\b"
# One recovery out of this many is by a one-time code, which must arrive within this many seconds.
ONE_TIME_CODE_EACH, ARRIVES_WITHIN = 5, 20.0
# Connections of those who guess.
GUESSERS = 8
OK, SEE_OTHER, UNAVAILABLE = 200, 303, 503
# Pages without and with a sign-in.
PUBLIC, PRIVATE = ("/sign-in/", "/support/"), ("/options/", "/account/")
# Seconds between two pages that the reader asks for, at random: at even intervals the pages might
# always come with a guess, or never.
READING = (0.05, 0.15)


def other_address(number: int) -> str:
    """Return one of 10 000 addresses, each in a network of its own."""
    return f"10.{number // 200}.{number % 200}.9"


@dataclass
class Honest:
    """What became of the honest customer's attempts."""

    attempts: int = 0
    came_in: int = 0
    # Answered 503 with Retry-After, and sent again.
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def note(self, answer: Answer, browser: Browser, leads_to: str) -> None:
        is_in = answer.status == SEE_OTHER and answer.location.startswith(leads_to)
        if is_in and SESSION in browser.cookies:
            self.came_in += 1
            self.seconds.append(answer.seconds)
        else:
            self.wrong.append(f"{answer.status} {answer.location}")


@dataclass
class Customer:
    """The honest owner of the account, in a browser that has signed in there before."""

    port: int
    username: str
    recovery_code: str
    renew_code: Callable[[], str]
    # The simulator that shows the owner's mailbox.
    mailbox: str
    known: str = ""

    def come_for_the_first_time(self) -> None:
        """Sign in, so that the browser is known."""
        browser = Browser(self.port, OWN_ADDRESS)
        browser.post("/sign-in/", username=self.username, password=PASSWORD, next="/options/")
        self.known = browser.cookies[KNOWN]
        browser.close()

    def sign_in(self, found: Honest) -> None:
        """Sign in with the cookie of a known browser."""
        browser = Browser(self.port, OWN_ADDRESS, {KNOWN: self.known})
        answer = _send_until_served(
            found,
            lambda: browser.post("/sign-in/", username=self.username, password=PASSWORD),
        )
        found.note(answer, browser, "/options/")
        browser.close()

    def recover(self, found: Honest) -> None:
        """Come back in a browser that the portal does not know, mostly by the recovery code."""
        browser = Browser(self.port, OWN_ADDRESS)
        page, fields = "/recover/", {"username": self.username, "code": self.recovery_code}
        if found.attempts % ONE_TIME_CODE_EACH == 0:
            page, fields = "/recover/code/enter/", {"code": self._one_time_code(browser)}
        found.attempts += 1
        answer = _send_until_served(found, lambda: browser.post(page, **fields, new=PASSWORD))
        found.note(answer, browser, "/")
        shown = browser.get(answer.location) if answer.location.startswith("/recovery") else None
        # While passwords are hashed by others, the portal may show no new code.
        self.recovery_code = shown.find(CODE) if shown else self.renew_code()
        browser.close()

    def _one_time_code(self, browser: Browser) -> str:
        """Ask for a code by mail, and return it once it has arrived."""
        httpx.post(f"{self.mailbox}/reset", trust_env=False)
        browser.post("/recover/code/", username=self.username)
        deadline = time.monotonic() + ARRIVES_WITHIN
        while time.monotonic() < deadline:
            messages = httpx.get(f"{self.mailbox}/books", trust_env=False).json()["messages"]
            for message in messages:
                if code := re.search(r"Your code is ([A-Z0-9-]+)\.", message["text"]):
                    return code[1]
            time.sleep(0.1)
        return "none"


def _send_until_served(found: Honest, send: Callable[[], Answer]) -> Answer:
    """Send the form until the portal is not busy. Wait as long as each answer says."""
    while (answer := send()).status == UNAVAILABLE:
        found.repeated += 1
        time.sleep(answer.retry_after)
    return answer


@dataclass
class Reader:
    """Reads pages at an even pace, and notes how long each takes."""

    port: int
    session: str
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def read(self, over: threading.Event) -> None:
        """Read until the event is set."""
        browser = Browser(self.port, OWN_ADDRESS, {SESSION: self.session})
        pages, number = (*PUBLIC, *PRIVATE), 0
        rng = random.Random(number)  # noqa: S311 -- no secret
        while not over.wait(rng.uniform(*READING)):
            page = pages[number % len(pages)]
            answer = browser.get(page)
            if answer.status != OK:
                raise RuntimeError(f"{page}: {answer.status} {answer.location}")
            self.seconds.setdefault(page, []).append(answer.seconds)
            number += 1
        browser.close()


def repeat(act: Callable[[], None], times: int, *, each: float) -> None:
    """Act this often, at this interval in seconds, or without a pause if an act takes longer."""
    began = time.perf_counter()
    for number in range(times):
        time.sleep(max(0.0, began + number * each - time.perf_counter()))
        act()


@dataclass(frozen=True)
class Attack:
    """Different guesses at one account: how many, and how many a second."""

    port: int
    username: str
    guesses: int
    rate: float
    is_spread: bool

    def run(self) -> dict[str, int]:
        """Guess, and return how often each status was answered."""
        statuses: dict[str, int] = {}
        lock = threading.Lock()

        def guess(first: int) -> None:
            browser = Browser(self.port, OWN_ADDRESS)
            each = GUESSERS / self.rate
            # The connections take turns.
            time.sleep(first / self.rate)
            numbers = iter(range(first, self.guesses, GUESSERS))

            def one() -> None:
                number = next(numbers)
                if self.is_spread:
                    browser.address = other_address(number)
                password = f"{GUESS}{number}"
                answer = browser.post("/sign-in/", username=self.username, password=password)
                with lock:
                    status = str(answer.status)
                    statuses[status] = statuses.get(status, 0) + 1

            repeat(one, len(range(first, self.guesses, GUESSERS)), each=each)
            browser.close()

        threads = [threading.Thread(target=guess, args=(first,)) for first in range(GUESSERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses
