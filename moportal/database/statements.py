"""Writes that must not overwrite a concurrent change, and writes of many rows at once.

An order and its parts change state by `compare_and_set` or `move`: of two concurrent
workers one wins, and the other learns that it lost.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model

# SQLite accepts about 32,000 values in one statement.
ROWS_AT_A_TIME = 500


def compare_and_set(
    model: type[Model], pk: Any, expected: Mapping[str, Any], /, **changes: Any
) -> bool:
    """Change the row if it is as expected, and return whether it was.

    An expected value may be a list or another collection: the column must then have one
    of its values. The comparison and the change are one UPDATE, so of two concurrent
    callers that expect the same and change it, one wins.
    """
    conditions = {
        f"{name}__in" if _is_choice(value) else name: value for name, value in expected.items()
    }
    rows = model._default_manager.filter(pk=pk, **conditions)  # noqa: SLF001 -- documented
    return rows.update(**changes) == 1


def _is_choice(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str)


def move(row: Model, next_states: Mapping[Any, Collection[Any]], new: Any, **fields: Any) -> bool:
    """Move the row to a state that may follow its own, and return whether it moved.

    `next_states` maps each state to the states that may follow it. If the row has moved on already,
    or the move would go backwards, nothing is written and the row is read again.
    """
    predecessors = [state for state, successors in next_states.items() if new in successors]
    if not compare_and_set(type(row), row.pk, {"state": predecessors}, state=new, **fields):
        row.refresh_from_db()
        return False
    # refresh_from_db would cost a query and drop the related
    # rows that are loaded already.
    for name, value in {"state": new.value, **fields}.items():
        setattr(row, name, value)
    return True


def insert_new(rows: Sequence[Model]) -> list[Any]:
    """Insert those rows that no unique constraint refuses, and return the new rows' keys.

    All rows belong to one table; the objects themselves stay without a key. Two
    concurrent calls must give the same rows in the same order, or they may deadlock.
    """
    keys: list[Any] = []
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        keys += _insert_new(rows[start : start + ROWS_AT_A_TIME])
    return keys


def _insert_new(rows: Sequence[Model]) -> list[Any]:
    # bulk_create(ignore_conflicts=True) does not return which rows are new.
    # Comparing the keys before and after it would count rows as new that another
    # transaction inserted meanwhile.
    table, key = _table_and_key(type(rows[0]))
    fields = [field for field in rows[0]._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(_column(field) for field in fields)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for row in rows
        for field in fields
    ]
    statement = (
        f"INSERT INTO {table} ({columns}) VALUES {places}"  # noqa: S608 -- names from the model
        f" ON CONFLICT DO NOTHING RETURNING {key}"
    )
    return [key for (key,) in execute_returning(statement, *values)]


def set_each(model: type[Model], name: str, values: Mapping[int, int | None]) -> None:
    """Set one column of many rows; `values` maps each row's key to its value.

    Keys without a row are ignored.
    """
    # bulk_update takes eight times the CPU: it composes a
    # CASE with a branch for each row.
    table, key = _table_and_key(model)
    column = _column(model._meta.get_field(name))
    statement = f"UPDATE {table} SET {column} = %s WHERE {key} = %s"  # noqa: S608 -- names from the model
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(value, pk) for pk, value in values.items()])


def _table_and_key(model: type[Model]) -> tuple[str, str]:
    return connection.ops.quote_name(model._meta.db_table), _column(model._meta.pk)


def _column(field: object) -> str:
    assert isinstance(field, Field)  # noqa: S101 -- a reverse relation has no column
    assert field.column is not None  # noqa: S101 -- every field used here is concrete
    return connection.ops.quote_name(field.column)


def execute_returning(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Execute one statement with a RETURNING clause, and return its rows.

    For what the ORM cannot say in one statement. PostgreSQL and
    SQLite must both accept the text.
    """
    adapt = connection.ops.adapt_datetimefield_value
    stored = [adapt(value) if isinstance(value, datetime) else value for value in values]
    with connection.cursor() as cursor:
        cursor.execute(statement, stored)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
