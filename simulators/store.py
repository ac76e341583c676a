"""The SQLite file (or memory) a simulator keeps its books in."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = ":memory:"


class Store:
    """One connection for all threads; whoever works with it holds the lock for a transaction.

    A transaction is committed when its block ends and undone when the block raises, so that an
    answer sent afterwards never speaks of something that a crash could lose.
    """

    def __init__(self, file: str, schema: str) -> None:
        if file != MEMORY:
            Path(file).resolve().parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # Safe when the process dies at any point; only the machine's fall could lose the last.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Run one statement; inside `transaction()` it is part of it."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
