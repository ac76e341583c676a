"""A gate that lets few threads of this process do something expensive at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore


class Busy(Exception):
    """The gate is full, or stayed full for too long. Pages answer 503 with Retry-After."""


class Gate:
    """Lets `at_once` threads in, lets `waiting` others wait, and refuses all further ones.

    A waiting thread serves no pages. Therefore few may wait, and only for `longest_wait` seconds.
    """

    def __init__(self, *, at_once: int, waiting: int, longest_wait: float) -> None:
        self._inside = BoundedSemaphore(at_once)
        self._inside_or_waiting = BoundedSemaphore(at_once + waiting)
        self._longest_wait = longest_wait

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Enter, and leave at the end of the `with` block. Raises `Busy`."""
        if not self._inside_or_waiting.acquire(blocking=False):
            raise Busy
        try:
            if not self._inside.acquire(timeout=self._longest_wait):
                raise Busy
            try:
                yield
            finally:
                self._inside.release()
        finally:
            self._inside_or_waiting.release()
