"""`moportal.personal`: each table says what it knows about a customer, and forgets no column."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Field, ForeignKey, Model

from accounts.models import User
from moportal import personal
from moportal.personal import Amount, Impersonal, Personal
from moportal.sealed import SealedField

PERSONAL = personal.personal()
# References to the staff who did something. They are no references to the customer.
OF_STAFF = {
    *("actor", "approved_by", "asked_by", "issued_by", "lifted_by", "settled_by"),
    # Of Django's log of the desk.
    "user",
}


def labels(entries: list[Personal]) -> list[str]:
    return [entry.model._meta.label for entry in entries]


def telling(model: type[Model]) -> set[str]:
    """Return the columns that may say something about a person."""
    return {column.name for column in model._meta.concrete_fields if tells(column)}


def tells(column: Any) -> bool:
    """Return whether a column may say something about a person.

    Numbers, times, references, and names from a fixed list are left out.
    """
    texts = (models.CharField, models.TextField, models.JSONField, models.BinaryField)
    return isinstance(column, (*texts, models.GenericIPAddressField)) and not column.choices


def exported(entry: Personal) -> set[str]:
    """Return the table's own columns that are in the file."""
    found: set[str] = set()
    for source, name in entry.exports.items():
        found |= {name.minor_units, name.currency} if isinstance(name, Amount) else {source}
    return found


def kept(entry: Personal) -> set[str]:
    return {column for keep in entry.keeps for column in keep.columns}


def test_every_table_says_once_what_it_knows() -> None:
    found = [entry.model._meta.label for entry in personal.registered()]

    assert sorted(found) == sorted(model._meta.label for model in apps.get_models())


@pytest.mark.parametrize("entry", PERSONAL, ids=labels(PERSONAL))
def test_every_telling_column_is_exported_or_withheld(entry: Personal) -> None:
    decided = exported(entry) | set(entry.withholds)

    assert telling(entry.model) - decided == set()
    assert {name for name in decided if not has_column(entry.model, name)} == set()


@pytest.mark.parametrize("entry", PERSONAL, ids=labels(PERSONAL))
def test_every_telling_column_of_a_row_that_stays_is_erased_or_kept(entry: Personal) -> None:
    decided = kept(entry) | set(entry.erases or ())

    assert {name for name in decided if not has_column(entry.model, name)} == set()
    if entry.erases is not None:
        assert telling(entry.model) - decided == set()


def test_no_secret_is_in_the_file() -> None:
    wrong = [
        (entry.model._meta.label, name)
        for entry in PERSONAL
        for name in telling(entry.model) & exported(entry)
        if isinstance(entry.model._meta.get_field(name), SealedField)
        or name in {"digest", "hash", "password", "session_key", "token_hash"}
    ]

    assert wrong == []


def test_a_table_that_refers_to_an_account_is_personal() -> None:
    wrong = [
        entry.model._meta.label
        for entry in personal.registered()
        if isinstance(entry, Impersonal) and User in reached_from(entry.model)
    ]

    assert wrong == []


def test_what_outlives_the_account_says_until_when() -> None:
    for entry in PERSONAL:
        for keep in entry.keeps:
            assert (
                getattr(settings, keep.reason.setting) if keep.reason.setting else keep.reason.until
            )


def test_a_row_is_erased_before_the_rows_over_which_it_is_found_are_deleted() -> None:
    in_order = personal.in_order_of_erasing()
    place = {entry.model: number for number, entry in enumerate(in_order)}
    goes = {one.model for one in in_order if one.erases is None or one.is_deleted_when_free}

    for entry in in_order:
        for path in () if callable(entry.of) else entry.of:
            for model in on_the_way(entry.model, path):
                assert model not in goes or place[entry.model] < place[model]


def on_the_way(model: type[Model], path: str) -> Iterator[type[Model]]:
    """Yield the tables between a row and its account, without the account."""
    for step in path.split("__"):
        column = model._meta.get_field(step)
        if not column.is_relation or column.related_model is User:
            return
        model = column.related_model  # type: ignore[assignment]  # a relation of this project
        yield model


def reached_from(model: type[Model], *, seen: frozenset[type[Model]] = frozenset()) -> set[object]:
    """Return the tables to which a row leads, but not over a reference to staff."""
    found: set[object] = set()
    for column in model._meta.concrete_fields:
        if isinstance(column, ForeignKey) and column.name not in OF_STAFF:
            target = column.related_model
            found.add(target)
            if target not in seen:
                found |= reached_from(target, seen=seen | {target})
    return found


def has_column(model: type[Model], path: str) -> bool:
    """Return whether the path leads to a column, over relations."""
    first, _, rest = path.partition("__")
    try:
        column = model._meta.get_field(first)
    except FieldDoesNotExist:
        return False
    return has_column(column.related_model, rest) if rest else isinstance(column, Field)  # type: ignore[arg-type]  # a relation of this project
