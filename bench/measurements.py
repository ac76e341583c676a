"""Measurements of one server: first at its highest rate, then at half of that rate."""

import json
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench import callers, cpu
from bench.servers import Server
from bench.sim_tables import SimTables
from demo.parts import ROOT

# Seconds before the measurement.
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
class Measurement:
    """One server in one round. `cpu` is in microseconds per request, by group of processes."""

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
    """The measurements with one number of SIMs, by server."""

    sims: int
    measurements: dict[str, list[Measurement]]

    def summary(self, name: str) -> dict[str, Any]:
        found = self.measurements[name]
        values = (
            self.sims,
            name,
            round(median(one.per_second for one in found)),
            median(one.total for one in found),
            min(one.total for one in found),
            self._ratio(name, "bare"),
            self._ratio(name, "fast"),
            *(median(one.cpu[group] for one in found) for group in ("server", "backends", "rest")),
            *(median(getattr(one, part) for one in found) for part in ("p50", "p95", "p99")),
        )
        return dict(zip(HEAD, values, strict=True))

    def _ratio(self, name: str, anchor: str) -> float | None:
        """Return the median over the rounds of this server's CPU time divided by the anchor's."""
        if anchor not in self.measurements:
            return None
        rounds = zip(self.measurements[name], self.measurements[anchor], strict=True)
        return median(one.total / other.total for one, other in rounds)


@dataclass(frozen=True)
class Measurer:
    """Sends requests about `sims` SIMs to one server at a time, and measures them."""

    tables: SimTables
    headers: dict[str, str]
    sims: int
    seconds: float
    connections: int

    def warm_up(self, server: Server) -> None:
        """Send requests that open connections, prepare statements and load pages."""
        self._run_callers(server, WARM_UP)

    def measure(self, server: Server) -> Measurement:
        """Measure at the highest rate, then at half of it.

        Raises `ValueError` if an answer is not 200.
        """
        self.tables.clear_replays()
        most, used = self._run_callers(server, self.seconds)
        per_second = most["requests"] / most["seconds"]
        half, used_at_half = self._run_callers(server, self.seconds, per_second / 2)
        return Measurement(
            requests=most["requests"],
            per_second=per_second,
            cpu=used,
            rate=per_second / 2,
            cpu_at_half=used_at_half,
            p50=1000 * half["p50"],
            p95=1000 * half["p95"],
            p99=1000 * half["p99"],
        )

    def _run_callers(
        self, server: Server, seconds: float, rate: float = 0.0
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Run the callers. Return their report, and the CPU time per request in microseconds."""
        plan = callers.Plan(
            server.port,
            self.headers,
            self.sims,
            self.connections,
            seconds,
            token=uuid.uuid4().hex[:12],
            rate=rate,
        )

        groups = {"server": [server.pid], "rest": self.tables.background()}
        groups["backends"] = [self.tables.postmaster]
        before = {name: cpu.seconds(*pids) for name, pids in groups.items()}
        report = _call(plan)

        used = {name: cpu.seconds(*pids) - before[name] for name, pids in groups.items()}
        if set(report["statuses"]) != {"200"}:
            raise ValueError(f"{server.kind.name} answered {report['statuses']}")

        # The postmaster's time includes backends that ended.
        # Backends of other servers are idle.
        used["backends"] -= used["rest"]
        return report, {name: 1e6 * value / report["requests"] for name, value in used.items()}


def table(lines: list[Line]) -> str:
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [
        tuple(_format(value) for value in line.summary(name).values())
        for line in lines
        for name in line.measurements
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_json(lines: list[Line]) -> dict[str, Any]:
    return {
        "lines": [
            {
                "sims": line.sims,
                "summaries": [line.summary(name) for name in line.measurements],
                "measurements": {
                    name: [asdict(one) for one in found]
                    for name, found in line.measurements.items()
                },
            }
            for line in lines
        ],
    }


def _format(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 -- three digits
    return "" if value is None else str(value)


def _call(plan: callers.Plan) -> dict[str, Any]:
    """Run the callers in a process of their own, and return their report."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.callers"],
        cwd=ROOT,
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report
