"""Encryption of every sealed column with the newest key, so that the older keys can be removed.

The columns are found in the models: a new `SealedField` needs no entry here. A digest that stands
beside a sealed column is computed again too.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model, QuerySet, TextField, Value
from django.db.models.functions import Cast

from moportal.sealed import (
    SealedField,
    SealKeyMissing,
    digest,
    is_sealed_with_newest_key,
    reseal,
    unseal,
)

DIGEST_SUFFIX = "_digest"


class Standing(Enum):
    """How a row stands: its key is the newest one, an older one, or none of `SEAL_KEYS`."""

    CURRENT = "current"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Count:
    """How many rows of a column hold a text and are outdated, and the keys of unreadable rows."""

    rows: int
    outdated: int
    unreadable: list[Any]


@dataclass(frozen=True)
class Stored:
    """One row's encrypted text and its digest, as they are in the database."""

    pk: Any
    sealed: str
    digest: str | None

    @cached_property
    def standing(self) -> Standing:
        """Return OUTDATED also if the digest was computed with another key."""
        try:
            text = unseal(self.sealed)
        except SealKeyMissing:
            return Standing.UNREADABLE
        has_right_digest = self.digest is None or self.digest == digest(text)
        if has_right_digest and is_sealed_with_newest_key(self.sealed):
            return Standing.CURRENT
        return Standing.OUTDATED


@dataclass(frozen=True)
class SealedColumn:
    """A `SealedField` of a model. `digest_name` is the column of its digest, if it has one."""

    model: type[Model]
    name: str
    digest_name: str | None

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def batches(self, size: int) -> Iterator[list[Stored]]:
        """Yield all rows that hold a text, `size` at a time, in the order of their keys."""
        rows = self._stored().order_by("pk")
        batch = _read(rows[:size])
        while batch:
            yield batch
            batch = _read(rows.filter(pk__gt=batch[-1].pk)[:size])

    def has_unreadable_end(self) -> bool:
        """Return whether no key opens the oldest or the newest row."""
        rows = self._stored()
        ends = _read(rows.order_by("pk")[:1]) + _read(rows.order_by("-pk")[:1])
        return any(row.standing == Standing.UNREADABLE for row in ends)

    def lock(self, keys: Sequence[Any]) -> list[Stored]:
        """Lock these rows and read them again, without those that another transaction has locked.

        Nothing waits for a lock here, so this cannot be part of a deadlock.
        """
        rows = self._stored().filter(pk__in=keys).order_by("pk")
        return _read(rows.select_for_update(skip_locked=True))

    def write(self, row: Stored) -> None:
        """Encrypt the row's text with the newest key, and compute its digest."""
        changes: dict[str, Any] = {self.name: Value(reseal(row.sealed), TextField())}
        if self.digest_name:
            changes[self.digest_name] = digest(unseal(row.sealed))
        self._all_rows.filter(pk=row.pk).update(**changes)

    @property
    def _all_rows(self) -> QuerySet[Any]:
        return self.model._base_manager.all()  # noqa: SLF001 -- documented; it leaves out no row

    def _stored(self) -> QuerySet[Any, Any]:
        # The cast keeps `SealedField` from decrypting the text.
        texts = {"sealed_text": Cast(self.name, TextField())}
        if self.digest_name:
            texts["digest_text"] = Cast(self.digest_name, TextField())
        rows: QuerySet[Any, Any] = self._all_rows.annotate(**texts).values("pk", *texts)
        return rows.exclude(sealed_text="").exclude(sealed_text=None)


def sealed_columns() -> list[SealedColumn]:
    """Return every sealed column of every room."""
    return [
        SealedColumn(model, column.name, _digest_name(model, column.name))
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.local_fields
        if isinstance(column, SealedField)
    ]


def count_rows(column: SealedColumn, size: int) -> Count:
    """Count the column's rows by how they stand. This writes nothing."""
    standings: Counter[Standing] = Counter()
    unreadable: list[Any] = []
    for batch in column.batches(size):
        standings.update(row.standing for row in batch)
        unreadable += [row.pk for row in batch if row.standing == Standing.UNREADABLE]
    return Count(standings.total(), standings[Standing.OUTDATED], unreadable)


def reseal_column(column: SealedColumn, size: int) -> int:
    """Encrypt the outdated rows with the newest key, and return how many were written.

    Each batch is a transaction of its own, so this may be stopped at any time and started again.
    """
    written = 0
    for batch in column.batches(size):
        outdated = [row.pk for row in batch if row.standing == Standing.OUTDATED]
        if outdated:
            written += _reseal_rows(column, outdated)
    return written


def _reseal_rows(column: SealedColumn, keys: Sequence[Any]) -> int:
    with transaction.atomic():
        # Another transaction may have written the rows since they were read.
        rows = [row for row in column.lock(keys) if row.standing == Standing.OUTDATED]
        for row in rows:
            column.write(row)
    return len(rows)


def _digest_name(model: type[Model], name: str) -> str | None:
    names = {column.name for column in model._meta.local_fields}
    return name + DIGEST_SUFFIX if name + DIGEST_SUFFIX in names else None


def _read(rows: QuerySet[Any, Any]) -> list[Stored]:
    return [Stored(row["pk"], row["sealed_text"], row.get("digest_text")) for row in rows]
