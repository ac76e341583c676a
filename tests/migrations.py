"""`python -m tests.migrations`: migrations are safe while the old code still runs.

Two linters read the SQL of every migration but the initial ones, as each finds faults
that the other does not. `moportal.apps` sets the lock timeout under which migrations run.
"""

import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
SQUAWK = Path(sys.prefix) / "bin" / "squawk"

# Rules about style, and those that Django's own SQL or our lock timeout answers.
NOT_OURS = (
    "prefer-text-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "require-timeout-settings",
)
# Migrations that break a rule and are safe all the same: "room.0002_name" and why.
ACCEPTED: dict[str, str] = {}


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- needs the settings

    found = 0
    for app, name in _later_migrations():
        with redirect_stdout(StringIO()) as sql:
            call_command("sqlmigrate", app, name)
        for fault in faults(sql.getvalue()):
            print(f"{app}.{name}: {fault}")
            found += 1
    return 1 if found else 0


def _later_migrations() -> list[tuple[str, str]]:
    """Return the project's migrations after each room's first, as app and name."""
    from django.apps import apps  # noqa: PLC0415 -- needs the settings
    from django.db import connection  # noqa: PLC0415 -- the same
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 -- the same

    ours = {one.label for one in apps.get_app_configs() if Path(one.path).parent == ROOT}
    on_disk = MigrationLoader(connection).disk_migrations
    return [
        (app, name)
        for (app, name), migration in sorted(on_disk.items())
        if app in ours and not migration.initial and f"{app}.{name}" not in ACCEPTED
    ]


def faults(sql: str) -> list[str]:
    """Return what either linter finds in this SQL."""
    return [*_by_squawk(sql), *_by_migration_linter(sql)]


def _by_squawk(sql: str) -> list[str]:
    command = [str(SQUAWK), "--reporter", "json", "--exclude", ",".join(NOT_OURS)]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"squawk said nothing: {done.stderr}")
    return [f"{one['rule_name']}: {one['message']}" for one in json.loads(done.stdout)]


def _by_migration_linter(sql: str) -> list[str]:
    from django_migration_linter.sql_analyser.analyser import (  # noqa: PLC0415 -- needs the settings
        analyse_sql_statements,
    )
    from django_migration_linter.sql_analyser.postgresql import (  # noqa: PLC0415 -- the same
        PostgresqlAnalyser,
    )

    statements = [line for line in sql.splitlines() if line and not line.startswith("--")]
    errors, _ignored, warnings = analyse_sql_statements(PostgresqlAnalyser, statements)
    return [f"{one.code}: {one.message}" for one in [*errors, *warnings]]


if __name__ == "__main__":
    sys.exit(main())
