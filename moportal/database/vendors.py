"""Which database a migration runs on. Some constraints exist on PostgreSQL alone."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def is_postgresql(schema_editor: BaseDatabaseSchemaEditor | None) -> bool:
    """Return whether the migration runs on PostgreSQL. Without an editor it runs nowhere."""
    return schema_editor is not None and schema_editor.connection.vendor == "postgresql"
