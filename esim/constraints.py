"""What PostgreSQL can refuse by itself, and SQLite needs no refusal for."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model


class ExclusionWherePossible(ExclusionConstraint):
    """An exclusion constraint on PostgreSQL, nothing elsewhere.

    SQLite has one writer at a time: whoever looks and then writes in one transaction is alone.
    That look is the domain's, on both; it also words the refusal, so nothing is validated here.
    """

    def constraint_sql(  # type: ignore[override]  # Django leaves out what is None
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        is_possible = _is_postgresql(schema_editor)
        return super().constraint_sql(model, schema_editor) if is_possible else None

    def create_sql(  # type: ignore[override]  # the same
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        return super().create_sql(model, schema_editor) if _is_postgresql(schema_editor) else None

    def remove_sql(  # type: ignore[override]  # the same
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str | None:
        return super().remove_sql(model, schema_editor) if _is_postgresql(schema_editor) else None

    def validate(self, *_args: Any, **_more: Any) -> None:
        """Leave it to the domain."""


def _is_postgresql(schema_editor: BaseDatabaseSchemaEditor | None) -> bool:
    return schema_editor is not None and schema_editor.connection.vendor == "postgresql"
