"""The callers, in their own process: `python -m bench.callers`, with a JSON plan on standard input.

Each connection is kept and carries one request at a time. Without a rate, each connection
sends the next request as soon as it is answered, which finds the server's highest rate.
With a rate, requests are due at even intervals, whether or not earlier ones are answered.
The latency counts from the due time, so that a server that stalls cannot hide it.
"""

import json
import random
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from bench.sim_tables import PREFIX
from moportal.identifiers import Iccid

# The number of SIMs in the requests.
CHOICES = 10_000
END, LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """The server and SIMs to ask about, the seconds, and optionally the requests per second."""

    port: int
    headers: dict[str, str]
    sims: int
    connections: int
    seconds: float
    token: str
    rate: float = 0.0


@dataclass(eq=False)
class Connection:
    """One kept connection. `due` is when its current request was to be sent."""

    wire: socket.socket
    due: float = 0.0
    received: bytes = b""

    def fileno(self) -> int:
        return self.wire.fileno()

    def send(self, request: bytes, due: float) -> None:
        self.due, self.received = due, b""
        self.wire.sendall(request)

    def read(self) -> int:
        """Read what has arrived. Return the status once the answer is complete, otherwise 0."""
        data = self.wire.recv(65536)
        if not data:
            raise ConnectionError("the server closed a connection")
        self.received += data
        head, end, body = self.received.partition(END)
        return int(head[9:12]) if end and _is_complete(head.lower(), body) else 0


@dataclass
class Callers:
    """All connections, and their results."""

    plan: Plan
    idle: deque[Connection] = field(default_factory=deque)
    busy: set[Connection] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = random.Random(self.plan.token)  # noqa: S311 -- no secret
        self._iccids = [
            Iccid.numbered(PREFIX, rng.randint(1, self.plan.sims)) for _ in range(CHOICES)
        ]
        self._rest = "".join(f"{name}: {value}\r\n" for name, value in self.plan.headers.items())
        self._sent = 0

    def run(self) -> dict[str, Any]:
        """Send requests as planned. Return the results."""
        self.idle.extend(_connect(self.plan.port) for _ in range(self.plan.connections))
        began = time.perf_counter()
        if self.plan.rate:
            self._send_at_rate(began)
        else:
            self._send_without_pause(began)

        took = time.perf_counter() - began
        return {
            "requests": sum(self.statuses.values()),
            "seconds": took,
            "statuses": self.statuses,
            **_percentiles(sorted(self.latencies)),
        }

    def _send_without_pause(self, began: float) -> None:
        end = began + self.plan.seconds
        while self.idle:
            self._send(time.perf_counter())
        while self.busy:
            self._collect(1.0)
            while self.idle and time.perf_counter() < end:
                self._send(time.perf_counter())

    def _send_at_rate(self, began: float) -> None:
        total = int(self.plan.seconds * self.plan.rate)
        # Requests that are due while all connections are busy.
        # Their wait counts as latency.
        waiting: deque[float] = deque()
        for number in range(total):
            due = began + number / self.plan.rate
            while (seconds_left := due - time.perf_counter()) > 0:
                self._collect(seconds_left)
            waiting.append(due)
            while waiting and self.idle:
                self._send(waiting.popleft())
        while waiting or self.busy:
            self._collect(1.0)
            while waiting and self.idle:
                self._send(waiting.popleft())

    def _send(self, due: float) -> None:
        """Send a request about the next SIM, with an unused transaction id."""
        self._sent += 1
        iccid = self._iccids[self._sent % CHOICES]
        connection = self.idle.popleft()
        connection.send(
            f"GET /v1/sims/{iccid}/balances?fieldsTemplate=basic HTTP/1.1\r\n{self._rest}"
            f"X-MS-DM-TransactionId: {self.plan.token}.{self._sent}\r\n\r\n".encode(),
            due,
        )
        self.busy.add(connection)

    def _collect(self, patience: float) -> None:
        """Wait up to `patience` seconds for answers, and take those that are complete."""
        # Python's select waits with microsecond precision. Its epoll does not.
        readable, _, _ = select.select(self.busy, (), (), patience)
        for connection in readable:
            status = connection.read()
            if status:
                self.latencies.append(time.perf_counter() - connection.due)
                self.statuses[status] += 1
                self.busy.remove(connection)
                self.idle.append(connection)


def _is_complete(head: bytes, body: bytes) -> bool:
    _, is_given, after = head.partition(b"content-length:")
    # A body without a length is chunked, and ends with an empty chunk.
    if is_given:
        return len(body) >= int(after.split(b"\r\n", 1)[0])
    return body.endswith(LAST_CHUNK)


def _connect(port: int) -> Connection:
    wire = socket.create_connection(("127.0.0.1", port))
    # Without this option, Nagle's algorithm could delay a request.
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(wire)


def _percentiles(ordered: list[float]) -> dict[str, float]:
    last = len(ordered) - 1
    return {f"p{share}": ordered[min(len(ordered) * share // 100, last)] for share in (50, 95, 99)}


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    print(json.dumps(Callers(plan).run()))


if __name__ == "__main__":
    main()
