"""What one server was found to do: as many requests as it can, then half as many in time."""

import json
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench import callers, cpu
from bench.servers import Server
from bench.sims import Table
from demo.parts import ROOT

# Seconds before it counts.
WARM_UP = 2.0
HEAD = (
    "SIMs",
    "server",
    "requests/s",
    "CPU µs a request",
    "least",
    "to bare",
    "to fast",
    "server µs",
    "backends µs",
    "rest of PostgreSQL µs",
    "p50 ms",
    "p95 ms",
    "p99 ms",
)


@dataclass(frozen=True)
class Visit:
    """One server in one round; `cpu` is microseconds a request by who used them."""

    requests: int
    per_second: float
    cpu: dict[str, float]
    rate: float
    cpu_at_half: dict[str, float]
    p50: float
    p95: float
    p99: float

    @property
    def total(self) -> float:
        return sum(self.cpu.values())

    def __str__(self) -> str:
        used = ", ".join(f"{name} {value:.0f}" for name, value in self.cpu.items())
        return (
            f"{self.per_second:.0f}/s, {self.total:.0f} µs ({used}), at "
            f"{self.rate:.0f}/s p50 {self.p50:.2f} p95 {self.p95:.2f} p99 {self.p99:.2f} ms"
        )


@dataclass
class Line:
    """The visits with so many SIMs, by server."""

    sims: int
    visits: dict[str, list[Visit]]

    def summary(self, name: str) -> dict[str, Any]:
        found = self.visits[name]
        values = (
            self.sims,
            name,
            round(median(one.per_second for one in found)),
            median(one.total for one in found),
            min(one.total for one in found),
            self._ratio(name, "bare"),
            self._ratio(name, "fast"),
            *(median(one.cpu[who] for one in found) for who in ("server", "backends", "rest")),
            *(median(getattr(one, part) for one in found) for part in ("p50", "p95", "p99")),
        )
        return dict(zip(HEAD, values, strict=True))

    def _ratio(self, name: str, anchor: str) -> float | None:
        """Return the median of what each round found, as its visits stood beside each other."""
        if anchor not in self.visits:
            return None
        rounds = zip(self.visits[name], self.visits[anchor], strict=True)
        return median(one.total / other.total for one, other in rounds)


@dataclass(frozen=True)
class Visitor:
    """Asks servers in turn about so many SIMs, and reads what that took."""

    table: Table
    headers: dict[str, str]
    sims: int
    seconds: float
    connections: int

    def warm_up(self, server: Server) -> None:
        """Let connections be opened, statements be prepared and pages be read."""
        self._ask(server, WARM_UP)

    def visit(self, server: Server) -> Visit:
        """Ask as fast as it answers, then half as fast; raises `ValueError` unless all is 200."""
        self.table.forget()
        most, used = self._ask(server, self.seconds)
        per_second = most["requests"] / most["seconds"]
        half, used_at_half = self._ask(server, self.seconds, per_second / 2)
        return Visit(
            requests=most["requests"],
            per_second=per_second,
            cpu=used,
            rate=per_second / 2,
            cpu_at_half=used_at_half,
            p50=1000 * half["p50"],
            p95=1000 * half["p95"],
            p99=1000 * half["p99"],
        )

    def _ask(
        self, server: Server, seconds: float, rate: float = 0.0
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Return what the callers tell, and the microseconds of CPU a request."""
        plan = callers.Plan(
            server.port,
            self.headers,
            self.sims,
            self.connections,
            seconds,
            token=uuid.uuid4().hex[:12],
            rate=rate,
        )
        groups = {"server": [server.pid], "rest": self.table.background()}
        groups["backends"] = [self.table.postmaster]
        before = {name: cpu.seconds(*pids) for name, pids in groups.items()}
        done = subprocess.run(
            [sys.executable, "-m", "bench.callers"],
            cwd=ROOT,
            input=json.dumps(asdict(plan)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        used = {name: cpu.seconds(*pids) - before[name] for name, pids in groups.items()}
        told = json.loads(done.stdout)
        if set(told["statuses"]) != {"200"}:
            raise ValueError(f"{server.kind.name} answered {told['statuses']}")
        # Of a backend that ended meanwhile the postmaster knows; the other servers' are idle.
        used["backends"] -= used["rest"]
        return told, {name: 1e6 * value / told["requests"] for name, value in used.items()}


def table(lines: list[Line]) -> str:
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [
        tuple(_shown(value) for value in line.summary(name).values())
        for line in lines
        for name in line.visits
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_json(lines: list[Line]) -> dict[str, Any]:
    return {
        "lines": [
            {
                "sims": line.sims,
                "summaries": [line.summary(name) for name in line.visits],
                "visits": {name: [asdict(one) for one in v] for name, v in line.visits.items()},
            }
            for line in lines
        ],
    }


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 -- three digits
    return "" if value is None else str(value)
