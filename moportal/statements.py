"""Read, compare and set, insert: the statements that an order is made of; states move by one.

The ORM composes a statement anew each time, which costs more than sending it, and an order has
dozens. Here the text is composed once per table and columns; every value still goes through its
field, and the constraints are the database's.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model
from django.db.models.query import RelatedPopulator, get_related_populators

Row = TypeVar("Row", bound=Model)
# SQLite takes some 32,000 values in one statement.
ROWS_AT_A_TIME = 500


def compare_and_set(
    model: type[Model], pk: Any, expected: Mapping[str, Any], /, **changes: Any
) -> bool:
    """Change this row if it is as expected, and say whether it was.

    Of two who expect the same and change it, one wins. Expected is a value, None, or a list or
    other collection of values of which it has one.
    """
    conditions: list[tuple[str, int | None]] = []
    values = []
    for name, value in expected.items():
        if value is None:
            conditions.append((name, None))
            continue
        is_choice = isinstance(value, Collection) and not isinstance(value, str)
        choices = list(value) if is_choice else [value]
        conditions.append((name, len(choices)))
        values += [_stored(model, name, choice) for choice in choices]
    changed = [_stored(model, name, value) for name, value in changes.items()]
    statement = _update(model, tuple(changes), tuple(conditions))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*changed, pk, *values])
        changed_rows: int = cursor.rowcount
    return changed_rows == 1


def move(row: Model, following: Mapping[Any, Collection[Any]], new: Any, **fields: Any) -> bool:
    """Move a row into a state that may follow its own, and say whether it moved.

    `following` names for each state those that may follow it. A move that was made before, or that
    would go backwards, changes nothing: the row is read as it is by now.
    """
    old = [state for state, then in following.items() if new in then]
    if not compare_and_set(type(row), row.pk, {"state": old}, state=new, **fields):
        row.refresh_from_db()
        return False
    # What was just written need not be read; what belongs to the row stays at hand.
    for name, value in {"state": new.value, **fields}.items():
        setattr(row, name, value)
    return True


def _stored(model: type[Model], name: str, value: Any) -> Any:
    """Return the value as its column takes it; of a row, its key."""
    key = value.pk if isinstance(value, Model) else value
    return _field(model, name).get_db_prep_save(key, connection)


def insert(model: type[Row], **values: Any) -> Row:
    """Add a row and return it with its key, as `objects.create` does, but without its signals.

    Raises `IntegrityError`.
    """
    row = model(**values)
    stored = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in _written(model)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_insert(model), stored)
        (row.pk,) = cursor.fetchone()
    # As Django marks a row that is there; the database it is in is the only one.
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 -- no other way
    return row


def insert_new(rows: Sequence[Row]) -> list[Any]:
    """Add those rows of one table that no unique constraint refuses; return the keys of these.

    In the order given, so that two who add some of the same rows, sorted, cannot wait for each
    other. The rows themselves are left as they are.
    """
    keys: list[Any] = []
    for place in range(0, len(rows), ROWS_AT_A_TIME):
        some = rows[place : place + ROWS_AT_A_TIME]
        stored = [
            field.get_db_prep_save(field.pre_save(row, add=True), connection)
            for row in some
            for field in _written(type(row))
        ]
        with connection.cursor() as cursor:
            cursor.execute(_insert(type(some[0]), len(some), passes_over=True), stored)
            keys += [key for (key,) in cursor.fetchall()]
    return keys


def set_each(model: type[Model], name: str, values: Mapping[Any, Any]) -> None:
    """Write one column of many rows, each by its key; those that are not there are passed over."""
    pairs = list(values.items())
    for place in range(0, len(pairs), ROWS_AT_A_TIME):
        some = pairs[place : place + ROWS_AT_A_TIME]
        stored = [
            part
            for key, value in some
            for part in (_stored(model, _key(model), key), _stored(model, name, value))
        ]
        with connection.cursor() as cursor:
            cursor.execute(_set_each(model, name, len(some)), stored)


def read(model: type[Row], pk: Any, *related: str) -> Row:
    """Return a row with what it points to, named as `select_related` names it.

    Raises the model's `DoesNotExist`.
    """
    reading = _reading(model, related)
    with connection.cursor() as cursor:
        cursor.execute(reading.text, [_stored(model, _key(model), pk)])
        found = cursor.fetchone()
    if found is None:
        raise model.DoesNotExist(f"{model.__name__} {pk}")  # type: ignore[attr-defined]  # all have it
    values = list(found)
    for place, (converters, column) in reading.converters.items():
        for convert in converters:
            values[place] = convert(values[place], column, connection)
    row = model.from_db(connection.alias, reading.names, values[: len(reading.names)])
    for part in reading.related:
        part.populate(values, row)
    return row


def execute_returning(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement of the caller's own and return the rows that it answers with.

    For what the ORM cannot say in one; PostgreSQL and SQLite must both take the text.
    """
    ops = connection.ops
    stored = [
        ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
        for value in values
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, stored)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@dataclass(frozen=True)
class _Reading:
    """A statement that reads, as the ORM composed it, and how the ORM takes its row apart."""

    text: str
    names: list[str]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    related: list[RelatedPopulator]


@cache
def _reading(model: type[Model], related: tuple[str, ...]) -> _Reading:
    rows = model._default_manager.order_by().filter(pk=0)  # noqa: SLF001 -- documented
    query = (rows.select_related(*related) if related else rows).query
    compiler = query.get_compiler(connection=connection)
    text, _pk = compiler.as_sql()
    columns = [column for column, *_ in compiler.select]
    return _Reading(
        text,
        # The row's own columns come first.
        [field.attname for field in model._meta.concrete_fields],
        compiler.get_converters(columns),
        get_related_populators(compiler.klass_info, compiler.select, connection.alias),  # type: ignore[call-arg]  # the stubs are a later Django's
    )


@cache
def _written(model: type[Model]) -> "list[Field[Any, Any]]":
    """Return the columns that we write; the key is the database's."""
    return [field for field in model._meta.concrete_fields if not field.primary_key]


@cache
def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, Field)  # noqa: S101 -- a column of its own
    return field


@cache
def _update(
    model: type[Model], changes: tuple[str, ...], expected: tuple[tuple[str, int | None], ...]
) -> str:
    """Compose the text; with each name goes of how many values the column must have one."""
    sets = ", ".join(f"{_column(model, name)} = %s" for name in changes)
    conditions = [f"{_column(model, _key(model))} = %s"]
    conditions += [f"{_column(model, name)} {_among(choices)}" for name, choices in expected]
    table = connection.ops.quote_name(model._meta.db_table)
    return f"UPDATE {table} SET {sets} WHERE {' AND '.join(conditions)}"  # noqa: S608 -- names of ours


def _among(choices: int | None) -> str:
    if choices is None:
        return "IS NULL"
    # Of no values none is had: nothing is among NULL.
    return f"IN ({', '.join(['%s'] * choices) or 'NULL'})"


@cache
def _set_each(model: type[Model], name: str, rows: int) -> str:
    table, column = connection.ops.quote_name(model._meta.db_table), _column(model, name)
    pairs = ", ".join(["(%s, %s)"] * rows)
    return (
        f"WITH given (id, value) AS (VALUES {pairs}) UPDATE {table}"  # noqa: S608 -- names of ours
        f" SET {column} = given.value FROM given"
        f" WHERE {table}.{_column(model, _key(model))} = given.id"
    )


@cache
def _insert(model: type[Model], rows: int = 1, *, passes_over: bool = False) -> str:
    names = [field.name for field in _written(model)]
    columns = ", ".join(_column(model, name) for name in names)
    table, key = (
        connection.ops.quote_name(model._meta.db_table),
        _column(model, _key(model)),
    )
    marks = ", ".join([f"({', '.join(['%s'] * len(names))})"] * rows)
    unless = " ON CONFLICT DO NOTHING" if passes_over else ""
    return f"INSERT INTO {table} ({columns}) VALUES {marks}{unless} RETURNING {key}"  # noqa: S608 -- the same


def _key(model: type[Model]) -> str:
    return model._meta.pk.name


def _column(model: type[Model], name: str) -> str:
    column = _field(model, name).column
    assert column is not None  # noqa: S101 -- it has one, being concrete
    return connection.ops.quote_name(column)
