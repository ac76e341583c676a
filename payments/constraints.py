"""A constraint that PostgreSQL has and Django does not."""

from typing import Any

from django.db.models import BaseConstraint

from moportal.database.vendors import is_postgresql


class SameAsParent(BaseConstraint):
    """A row has the same value in the column `field` as the row that its foreign key names.

    `parent_field` is the parent's column, if it has another name.

    On PostgreSQL it is a foreign key over both columns. A row without a parent is allowed. The
    foreign key needs a unique index on the parent's table, and this constraint creates it. Other
    databases have no such constraint. There, one function writes these rows and copies the value
    from the parent.
    """

    def __init__(self, *, name: str, parent: str, field: str, parent_field: str = "") -> None:
        super().__init__(name=name)
        self.parent, self.field = parent, field
        self.parent_field = parent_field or field

    def constraint_sql(self, model: Any, schema_editor: Any) -> None:  # type: ignore[override]  # Django skips None
        """Add the constraint after CREATE TABLE, because the parent's table may come later."""
        statement = self.create_sql(model, schema_editor)
        schema_editor.deferred_sql += [statement] if statement else []

    def create_sql(self, model: Any, schema_editor: Any) -> str | None:  # type: ignore[override]  # the same
        """Return the statements that add the constraint."""
        if not is_postgresql(schema_editor):
            return None
        quote, key = schema_editor.quote_name, model._meta.get_field(self.parent)
        parent, child = key.related_model._meta, model._meta
        theirs = parent.get_field(self.parent_field).column
        ours = child.get_field(self.field).column
        pair = f"{quote(parent.db_table)} ({quote(parent.pk.column)}, {quote(theirs)})"
        return (
            f"CREATE UNIQUE INDEX {quote(self._index)} ON {pair}; "
            f"ALTER TABLE {quote(child.db_table)} ADD CONSTRAINT {quote(self.name)} "
            f"FOREIGN KEY ({quote(key.column)}, {quote(ours)}) REFERENCES {pair}"
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> str | None:  # type: ignore[override]  # the same
        """Return the statements that remove the constraint."""
        if not is_postgresql(schema_editor):
            return None
        quote = schema_editor.quote_name
        return (
            f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}; "
            f"DROP INDEX {quote(self._index)}"
        )

    @property
    def _index(self) -> str:
        return f"{self.name}_key"

    def validate(self, *_args: Any, **_more: Any) -> None:
        """Do nothing: no form writes such rows."""

    def deconstruct(self) -> Any:
        """Return the path and the arguments with which a migration creates this constraint."""
        path, args, kwargs = super().deconstruct()
        columns = {"parent": self.parent, "field": self.field, "parent_field": self.parent_field}
        return path, args, {**kwargs, **columns}

    def __eq__(self, other: object) -> bool:
        """Compare the arguments of both constraints."""
        return isinstance(other, SameAsParent) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        """Return a hash of the name."""
        return hash(self.name)
