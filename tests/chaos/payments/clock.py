"""Three days pass in a moment: every time in the portal's database moves back by three days."""

import psycopg
from psycopg import sql

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'timestamp with time zone'
    AND table_name <> 'django_migrations' ORDER BY table_name
"""
# Tasks that wait for their next attempt. A worker that is dead still has its lease.
DUE = "UPDATE outbox_task SET not_before = now() WHERE closed_at IS NULL AND not_before > now()"
OPEN = "SELECT count(*) FROM outbox_task WHERE closed_at IS NULL AND kind <> 'message'"
STUCK = """
SELECT concat_ws(' ', kind, subject, 'after', attempts, 'attempts,', last_error, lease_until)
FROM outbox_task WHERE closed_at IS NULL AND kind <> 'message' ORDER BY id
"""


def let_three_days_pass(database_url: str) -> None:
    """Move back every time that is stored. No worker may run meanwhile."""
    with psycopg.connect(database_url) as connection:
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(COLUMNS).fetchall():
            columns.setdefault(table, []).append(column)
        for table, names in columns.items():
            moves = sql.SQL(", ").join(
                sql.SQL("{0} = {0} - interval '72 hours'").format(sql.Identifier(name))
                for name in names
            )
            connection.execute(sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), moves))


def make_due(database_url: str) -> int:
    """Let no task wait for its time any more. Return how many tasks are open."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(DUE)
    return count_open(database_url)


def count_open(database_url: str) -> int:
    """Return how many tasks are open, without those for messages."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(OPEN).fetchone()
    return int(row[0]) if row else 0


def open_tasks(database_url: str) -> list[str]:
    """Return a line for each task that is open."""
    with psycopg.connect(database_url) as connection:
        return [str(text) for (text,) in connection.execute(STUCK).fetchall()]
