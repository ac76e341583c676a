"""The callers, as a process of their own: `python -m bench.callers`, told by JSON on its input.

Requests go over connections that are kept, one at a time on each. Without a rate each connection
asks again as soon as it is answered, which finds how much a server can do; with a rate requests
are due at even moments whether or not earlier ones are answered, and a latency counts from that
moment, so that a server that stalls does not slow down who measures it.
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

from bench.sims import PREFIX
from moportal.identifiers import Iccid

# So many SIMs are asked about in turn.
CHOICES = 10_000
END, LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """Whom to ask about which SIMs, for how long and, with `rate`, how often a second."""

    port: int
    headers: dict[str, str]
    sims: int
    connections: int
    seconds: float
    token: str
    rate: float = 0.0


@dataclass(eq=False)
class Connection:
    """One kept connection; `due` is when the request that it carries was to be sent."""

    wire: socket.socket
    due: float = 0.0
    came: bytes = b""

    def fileno(self) -> int:
        return self.wire.fileno()

    def send(self, request: bytes, due: float) -> None:
        self.due, self.came = due, b""
        self.wire.sendall(request)

    def read(self) -> int:
        """Take what has come, and return the status once the answer is whole, else 0."""
        came = self.wire.recv(65536)
        if not came:
            raise ConnectionError("the server closed a connection")
        self.came += came
        head, end, body = self.came.partition(END)
        return int(head[9:12]) if end and _is_whole(head.lower(), body) else 0


@dataclass
class Callers:
    """All connections, and what came of it."""

    plan: Plan
    idle: deque[Connection] = field(default_factory=deque)
    busy: set[Connection] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        chosen = random.Random(self.plan.token)  # noqa: S311 -- no secret
        self._iccids = [
            Iccid.numbered(PREFIX, chosen.randint(1, self.plan.sims)) for _ in range(CHOICES)
        ]
        self._rest = "".join(f"{name}: {value}\r\n" for name, value in self.plan.headers.items())
        self._sent = 0

    def ask(self) -> dict[str, Any]:
        """Ask for as long as is planned, and tell what came of it."""
        for _ in range(self.plan.connections):
            wire = socket.create_connection(("127.0.0.1", self.plan.port))
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.idle.append(Connection(wire))
        began = time.perf_counter()
        if self.plan.rate:
            self._evenly(began)
        else:
            self._at_once(began)
        took = time.perf_counter() - began
        return {
            "requests": sum(self.statuses.values()),
            "seconds": took,
            "statuses": self.statuses,
            **{f"p{share}": _part(sorted(self.latencies), share / 100) for share in (50, 95, 99)},
        }

    def _at_once(self, began: float) -> None:
        end = began + self.plan.seconds
        while self.idle:
            self._send(time.perf_counter())
        while self.busy:
            self._collect(1.0)
            while self.idle and time.perf_counter() < end:
                self._send(time.perf_counter())

    def _evenly(self, began: float) -> None:
        total = int(self.plan.seconds * self.plan.rate)
        waiting: deque[float] = deque()
        for number in range(total):
            due = began + number / self.plan.rate
            while (left := due - time.perf_counter()) > 0:
                self._collect(left)
            waiting.append(due)
            while waiting and self.idle:
                self._send(waiting.popleft())
        while waiting or self.busy:
            self._collect(1.0)
            while waiting and self.idle:
                self._send(waiting.popleft())

    def _send(self, due: float) -> None:
        """Ask about the next SIM, with a transaction id that was never used."""
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
        # Unlike epoll as Python has it, select waits by the microsecond.
        readable, _, _ = select.select(self.busy, (), (), patience)
        for connection in readable:
            status = connection.read()
            if status:
                self.latencies.append(time.perf_counter() - connection.due)
                self.statuses[status] += 1
                self.busy.remove(connection)
                self.idle.append(connection)


def _is_whole(head: bytes, body: bytes) -> bool:
    _, is_said, after = head.partition(b"content-length:")
    if is_said:
        return len(body) >= int(after.split(b"\r\n", 1)[0])
    return body.endswith(LAST_CHUNK)


def _part(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    print(json.dumps(Callers(plan).ask()))


if __name__ == "__main__":
    main()
