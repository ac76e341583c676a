"""Threads that compete for one row, each with its own database connection."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def at_once(action: Callable[[], Any], times: int) -> list[Any]:
    """Run the action `times` times in parallel. Return the results, and exceptions as results."""
    barrier = threading.Barrier(times)

    def run(_number: int) -> Any:
        try:
            barrier.wait(timeout=20)
            return action()
        except Exception as error:  # noqa: BLE001 -- an exception is a result here
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


def wait_for_lock(*, within: float = 20) -> None:
    """Return as soon as another session waits for a PostgreSQL lock.

    Raises `TimeoutError` after `within` seconds.
    """
    until = time.monotonic() + within
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise TimeoutError("no session waits for a lock")
