"""Threads that start together, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def at_once(action: Callable[[], Any], times: int) -> list[Any]:
    """Run the action so many times in parallel; return results and exceptions alike."""
    barrier = threading.Barrier(times)

    def run(_number: int) -> Any:
        try:
            barrier.wait(timeout=20)
            return action()
        except Exception as error:  # noqa: BLE001 -- what went wrong is a result here
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))
