"""The options of the database connection. Those in DATABASE_URL win over the ones set here."""

from typing import Any

# BEGIN IMMEDIATE with a busy timeout lets a writer wait for its turn. With SQLite's
# default, a transaction that reads first and writes later would fail instead.
_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def on_sqlite(database: dict[str, Any]) -> dict[str, Any]:
    """Return the database with the options under which several processes can write to SQLite."""
    return {**database, "OPTIONS": {**_SQLITE_OPTIONS, **database["OPTIONS"]}}


def on_postgresql(
    database: dict[str, Any], *, max_age: int, checks_health: bool, prepares: bool
) -> dict[str, Any]:
    """Return the database with persistent connections, of at most `max_age` seconds.

    With prepared statements PostgreSQL parses and plans a statement once for each connection. It
    prepares only statements whose parameters it binds itself. A connection pooler may not support
    prepared statements.
    """
    options = database["OPTIONS"]
    if prepares:
        options = {"prepare_threshold": 5, "server_side_binding": True, **options}
    return {
        "CONN_MAX_AGE": max_age,
        "CONN_HEALTH_CHECKS": checks_health,
        **database,
        "OPTIONS": options,
    }
