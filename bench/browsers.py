"""Browsers for the benchmarks of pages: one kept connection, and one browser's cookies."""

import http.client
import re
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from demo.parts import LOOPBACK

HOST = "portal.kestrel.example"
# Seconds until a request fails.
PATIENCE = 60.0
TOKEN = "a" * 32
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What the portal has answered, and how many seconds that took."""

    status: int
    location: str
    text: str
    retry_after: int
    seconds: float

    def find(self, pattern: str) -> str:
        """Return the first group of the pattern in the page, or an empty text."""
        found = re.search(pattern, self.text)
        return found[1] if found else ""


class Browser:
    """Asks for pages as the proxy in front of the portal passes them on.

    `address` is what the proxy says about the customer's address.
    """

    def __init__(self, port: int, address: str, cookies: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PATIENCE)
        self.address = address
        self.cookies = {"__Host-csrf": TOKEN, **(cookies or {})}

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields))

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": self.address,
            "Referer": f"https://{HOST}/",
            "Cookie": cookies,
            "X-CSRFToken": TOKEN,
            **({"Content-Type": FORM} if body is not None else {}),
        }
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        took = time.perf_counter() - began
        for line in answer.headers.get_all("Set-Cookie") or ():
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return Answer(
            answer.status,
            answer.headers.get("Location", ""),
            text,
            int(answer.headers.get("Retry-After", "0")),
            took,
        )
