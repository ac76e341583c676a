"""PostgreSQL statements that the server prepares once per connection and then only executes."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

Row = tuple[Any, ...]
CONNECTION_LOST = (OperationalError, InterfaceError)
_of_thread = threading.local()


def execute_prepared(compose: Callable[[bool], bytes], values: Sequence[Any]) -> list[Row]:
    """Execute a statement with parameters `$1`, `$2`, … and return its rows.

    If the connection is lost, the statement is sent once more on a new one, so that a
    restarted database or a pooler that closes idle connections causes no error. The
    first statement may have been executed anyway. So `compose` gets True when it is sent
    again, and the text must then recognise what the first one wrote. Inside a
    transaction nothing is sent again.
    """
    try:
        return _execute(compose(False), values)  # noqa: FBT003 -- `compose` says what it means
    except CONNECTION_LOST:
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            raise
        connections[DEFAULT_DB_ALIAS].close()
    return _execute(compose(True), values)  # noqa: FBT003 -- the same


def _execute(statement: bytes, values: Sequence[Any]) -> list[Row]:
    # `django.db.connection` would look the connection up again for each attribute.
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    with database.wrap_database_errors:
        cursor = _cursor(database.connection)
        return cursor.execute(statement, values, prepare=True, binary=True).fetchall()


def _cursor(connection: psycopg.Connection[Any]) -> psycopg.RawCursor[Any]:
    """Return this thread's cursor on the connection. Each connection gets one cursor.

    Django's own cursor binds parameters on the client's side, so
    the server could keep no plan.
    """
    kept: psycopg.RawCursor[Any] | None = getattr(_of_thread, "cursor", None)
    if kept is None or kept.connection is not connection:
        kept = _of_thread.cursor = psycopg.RawCursor(connection)
    return kept
