"""The results of `bench.orders`, as a table and as JSON. Medians, because rounds are noisy."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.meter import Round

PORTAL, BARE = ("workers", "beat", "submit"), ("bare",)
HEAD = (
    "workers",
    "orders in the tables",
    "orders/s, portal",
    "orders/s, bare",
    "CPU ms an order, portal",
    "CPU ms an order, bare",
    "ratio",
    "PostgreSQL ms, portal",
    "PostgreSQL ms, bare",
    "simulators ms",
    "Redis ms",
)


@dataclass
class Line:
    """The rounds with one number of workers and tables of one size, in pairs."""

    workers: int
    table: int
    portal: list[Round] = field(default_factory=list)
    bare: list[Round] = field(default_factory=list)

    @property
    def last(self) -> str:
        portal, bare = self.portal[-1], self.bare[-1]
        return (
            f"{self.workers} workers, {self.table} orders in the tables: "
            f"portal {portal.per_second:.1f}/s {portal.each(*PORTAL):.1f} ms "
            f"({', '.join(f'{name} {portal.each(name):.1f}' for name in PORTAL)}), "
            f"bare {bare.per_second:.1f}/s {bare.each(*BARE):.1f} ms"
        )

    @property
    def summary(self) -> dict[str, float]:
        portal = median(one.each(*PORTAL) for one in self.portal)
        bare = median(one.each(*BARE) for one in self.bare)
        values = (
            self.workers,
            self.table,
            median(one.per_second for one in self.portal),
            median(one.per_second for one in self.bare),
            portal,
            bare,
            portal / bare,
            median(one.each("PostgreSQL") for one in self.portal),
            median(one.each("PostgreSQL") for one in self.bare),
            median(one.each("simulators") for one in self.portal),
            median(one.each("Redis") for one in self.portal),
        )
        return dict(zip(HEAD, values, strict=True))


def table(lines: list[Line]) -> str:
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [tuple(_format(value) for value in line.summary.values()) for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_json(lines: list[Line], *, threads: int) -> dict[str, Any]:
    return {
        "threads of a worker": threads,
        "lines": [{"summary": line.summary, **asdict(line)} for line in lines],
    }


def _format(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
