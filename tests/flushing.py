"""Empty the database after a test that commits: only the tables that have rows.

Django's own `flush` truncates every table of the product, and then writes content types,
permissions and groups again. That takes longer than most of these tests.
"""

from typing import Any

from django.core.management import get_commands
from django.core.management.commands import flush
from django.db import connection, transaction

# `migrate` fills these tables. Nothing refers to them but these, and the staff's rights.
OF_MIGRATE = (
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
)


class Command(flush.Command):
    """Django's `flush`, which `TransactionTestCase` calls, for the database of the tests."""

    def __init__(self) -> None:
        super().__init__()
        self.first_rows = rows_of_migrate()

    def handle(self, **options: Any) -> None:
        """Delete all rows but those of `migrate`."""
        if rows_of_migrate() != self.first_rows:
            super().handle(**options)
            # Django has written them again, under other keys.
            self.first_rows = rows_of_migrate()
            return
        with transaction.atomic(), connection.cursor() as cursor:
            # No foreign key is checked in this role. Afterwards no row is left that could refer to
            # another.
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in tables_with_rows():
                cursor.execute(f"DELETE FROM {_quoted(table)}")  # noqa: S608 -- the models' tables


def install() -> None:
    """Let `TransactionTestCase` call this `flush`. The database must be as `migrate` leaves it."""
    get_commands()["flush"] = Command()  # type: ignore[assignment]  # `call_command` takes either


def tables_with_rows() -> list[str]:
    """Return the tables of the models, except those of `migrate`, that are not empty."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [name for name in names if name not in OF_MIGRATE]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_name_if_not_empty(table) for table in tables))
        return [name for (name,) in cursor.fetchall()]


def rows_of_migrate() -> str:
    """Return a digest of what `migrate` has written."""
    digests = (
        f"(SELECT md5(string_agg(row::text, ',' ORDER BY row.id)) FROM {table} AS row)"  # noqa: S608 -- the names above
        for table in OF_MIGRATE
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws(' ', {', '.join(digests)})")
        found: tuple[str] = cursor.fetchone()
    return found[0]


def _name_if_not_empty(table: str) -> str:
    return f"SELECT '{table}' WHERE EXISTS (SELECT FROM {_quoted(table)})"  # noqa: S608 -- the same


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)
