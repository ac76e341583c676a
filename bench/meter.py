"""What one round took: the time, and the CPU of everybody who took part."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import redis
from django.conf import settings
from django.db import connection

from bench import cpu
from bench.house import House

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Round:
    """A number of orders from submit to completed; `cpu` is seconds by who used them."""

    orders: int
    seconds: float
    cpu: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.orders / self.seconds

    def each(self, *names: str) -> float:
        """Return the milliseconds of CPU an order that these used."""
        return 1000 * sum(self.cpu[name] for name in names) / self.orders


class Meter:
    """Reads the CPU time of groups of processes, and says what was used since."""

    def __init__(self, groups: dict[str, list[int]]) -> None:
        self._groups = groups
        self._before = self._read()

    @classmethod
    def of(cls, house: House, **more: list[int]) -> Self:
        """Return a meter of what stands around the portal, and of these."""
        return cls(
            {
                "PostgreSQL": [_postgresql()],
                "Redis": [_redis()],
                "simulators": house.simulators,
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
    mine: psycopg.Connection[object] = connection.connection
    return cpu.parent(mine.info.backend_pid)


def _redis() -> int:
    said = redis.Redis.from_url(settings.CELERY_BROKER_URL).info("server")
    pid: int = said["process_id"]
    return pid
