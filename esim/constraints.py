"""Constraints that PostgreSQL has and SQLite does not need."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from moportal.database.vendors import is_postgresql


class ExclusionWherePossible(ExclusionConstraint):
    """An exclusion constraint on PostgreSQL, and none on other databases.

    The domain checks for overlaps in the transaction that writes, on every database. On
    SQLite that is enough, because it has one writer at a time. Django's own validation is
    skipped: the domain raises the error.
    """

    def constraint_sql(  # type: ignore[override]  # Django skips None
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        is_possible = is_postgresql(schema_editor)
        return super().constraint_sql(model, schema_editor) if is_possible else None

    def create_sql(  # type: ignore[override]  # the same
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        return super().create_sql(model, schema_editor) if is_postgresql(schema_editor) else None

    def remove_sql(  # type: ignore[override]  # the same
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        return super().remove_sql(model, schema_editor) if is_postgresql(schema_editor) else None

    def validate(self, *_args: Any, **_more: Any) -> None:
        """Do nothing: the domain checks for overlaps."""
