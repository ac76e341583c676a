"""`tests.flushing`: a test that commits leaves no row, and what `migrate` wrote stays."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from tests import flushing
from tests.builders import make_order

pytestmark = pytest.mark.django_db(transaction=True)


def flush() -> None:
    """Empty the database as Django's `TransactionTestCase` does."""
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)


def column(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [value for (value,) in cursor.fetchall()]


def all_tables() -> set[str]:
    return set(column("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"))


def tables_with_rows() -> set[str]:
    return {table for table in all_tables() if column(f'SELECT count(*) FROM "{table}"') != [0]}  # noqa: S608 -- the database's own names


def what_migrate_wrote() -> list[set[tuple[object, ...]]]:
    """Return it without keys, because Django's own `flush` writes it under other keys."""
    return [
        set(ContentType.objects.values_list("app_label", "model")),
        set(Permission.objects.values_list("codename", "content_type__model")),
        set(Group.objects.values_list("name", "permissions__codename")),
    ]


def test_every_row_is_deleted_but_those_of_migrate(alice: User) -> None:
    make_order(alice)
    alice.groups.set(Group.objects.all())
    before, keys = what_migrate_wrote(), flushing.rows_of_migrate()
    assert {"orders_order", "accounts_user_groups"} <= tables_with_rows()

    flush()

    assert tables_with_rows() == {*flushing.OF_MIGRATE, "django_migrations"}
    assert (what_migrate_wrote(), flushing.rows_of_migrate()) == (before, keys)


def test_what_migrate_wrote_is_written_again_after_a_change(alice: User) -> None:
    before = what_migrate_wrote()
    Group.objects.all().delete()
    Permission.objects.all().delete()

    flush()

    assert what_migrate_wrote() == before
    assert not User.objects.exists()


def test_no_table_is_forgotten(alice: User) -> None:
    introspected = connection.introspection.django_table_names(only_existing=True)

    assert {*introspected, "django_migrations"} == all_tables()
    assert set(flushing.tables_with_rows()) == tables_with_rows() - {
        *flushing.OF_MIGRATE,
        "django_migrations",
    }
