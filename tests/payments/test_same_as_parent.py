"""`payments.constraints.SameAsParent`: added and removed on PostgreSQL, absent elsewhere."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from payments.constraints import SameAsParent
from payments.models import Payment

NAME = "the_mandate_is_of_the_payments_method"


def constraint() -> SameAsParent:
    (found,) = (one for one in Payment._meta.constraints if one.name == NAME)
    assert isinstance(found, SameAsParent)
    return found


def names() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, Payment._meta.db_table))


@pytest.mark.django_db
def test_a_migration_removes_it_and_adds_it_again() -> None:
    with connection.schema_editor() as editor:
        editor.remove_constraint(Payment, constraint())
    assert NAME not in names()

    with connection.schema_editor() as editor:
        editor.add_constraint(Payment, constraint())
    assert NAME in names()


@pytest.mark.django_db
def test_a_new_table_gets_it_after_all_tables_exist() -> None:
    with connection.schema_editor(collect_sql=True) as editor:
        constraint().constraint_sql(Payment, editor)
        assert "FOREIGN KEY (" in str(editor.deferred_sql)


def test_other_databases_have_none() -> None:
    editor: Any = SimpleNamespace(connection=SimpleNamespace(vendor="sqlite"), deferred_sql=[])

    constraint().constraint_sql(Payment, editor)

    assert editor.deferred_sql == []
    assert constraint().remove_sql(Payment, editor) is None


def test_a_migration_knows_it_by_its_arguments() -> None:
    path, args, kwargs = constraint().deconstruct()

    assert path == "payments.constraints.SameAsParent"
    assert SameAsParent(*args, **kwargs) == constraint()
    assert hash(SameAsParent(*args, **kwargs)) == hash(constraint())
    assert SameAsParent(name=NAME, parent="mandate", field="id") != constraint()
    assert constraint() != NAME


def test_a_form_is_not_checked() -> None:
    constraint().validate(Payment, Payment())
