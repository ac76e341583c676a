"""The SQLite database of a simulator, in a file or in memory."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = ":memory:"


class Store:
    """One connection for all threads. A thread holds the lock for its whole transaction.

    A transaction is committed when its block ends and rolled back when
    the block raises. Answers are sent after the commit, so a crash never
    loses what an answer has confirmed.
    """

    def __init__(self, file: str, schema: str) -> None:
        if file != MEMORY:
            Path(file).resolve().parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # Safe if the process dies. Only a crash of the machine
        # can lose the last transactions.
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
        """Run one statement, as part of the transaction if one is open, and return its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
