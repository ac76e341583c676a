"""The time of one round, and the CPU time of all processes that took part."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import redis
from django.conf import settings
from django.db import connection

from bench import cpu
from bench.product import Product

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Round:
    """A number of orders, from submit to completed. `cpu` is in seconds, by group of processes."""

    orders: int
    seconds: float
    cpu: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.orders / self.seconds

    def each(self, *names: str) -> float:
        """Return the CPU time of these groups for one order, in milliseconds."""
        return 1000 * sum(self.cpu[name] for name in names) / self.orders


class Meter:
    """Measures the CPU time that groups of processes use from now on."""

    def __init__(self, groups: dict[str, list[int]]) -> None:
        self._groups = groups
        self._before = self._read()

    @classmethod
    def of(cls, product: Product, **more: list[int]) -> Self:
        """Return a meter of the services around the portal, and of these groups."""
        return cls(
            {
                "PostgreSQL": [_postgresql()],
                "Redis": [_redis()],
                "simulators": product.simulators,
                **more,
            }
        )

    def used(self) -> dict[str, float]:
        now = self._read()
        return {name: now[name] - self._before[name] for name in now}

    def _read(self) -> dict[str, float]:
        return {name: cpu.seconds(*pids) for name, pids in self._groups.items()}


def _postgresql() -> int:
    connection.ensure_connection()
    raw: psycopg.Connection[object] = connection.connection
    return cpu.parent(raw.info.backend_pid)


def _redis() -> int:
    info = redis.Redis.from_url(settings.CELERY_BROKER_URL).info("server")
    pid: int = info["process_id"]
    return pid
