"""Migrations run beside the code that they replace, and never queue long for a lock."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate

from tests import migrations

pytestmark = [pytest.mark.django_db, pytest.mark.processes]

UNSAFE = {
    "a required column without a default": 'ALTER TABLE "t" ADD COLUMN "c" integer NOT NULL;',
    "a default that is dropped again": (
        'ALTER TABLE "t" ADD COLUMN "c" integer DEFAULT 1 NOT NULL;\n'
        'ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT;'
    ),
    "an index that locks the table": 'CREATE INDEX "i" ON "t" ("c");',
    "a constraint that reads the table": 'ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0);',
    "a unique constraint": 'ALTER TABLE "t" ADD CONSTRAINT "k" UNIQUE ("c");',
    "a foreign key that reads the table": (
        'ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("c") REFERENCES "u" ("id");'
    ),
    "a renamed column": 'ALTER TABLE "t" RENAME COLUMN "c" TO "d";',
    "a dropped column": 'ALTER TABLE "t" DROP COLUMN "c";',
    "a changed type": 'ALTER TABLE "t" ALTER COLUMN "c" TYPE bigint;',
    "a column that becomes required": 'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;',
}
SAFE = {
    "a column that may be null": 'ALTER TABLE "t" ADD COLUMN "c" integer NULL;',
    "a column with a database default": (
        'ALTER TABLE "t" ADD COLUMN "c" integer DEFAULT 1 NOT NULL;'
    ),
    "a constraint for new rows": 'ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0) NOT VALID;',
    "a constraint that is validated": 'ALTER TABLE "t" VALIDATE CONSTRAINT "k";',
    "an index made concurrently": 'CREATE INDEX CONCURRENTLY "i" ON "t" ("c");',
    "a new table": 'CREATE TABLE "t" ("id" bigint NOT NULL PRIMARY KEY, "n" varchar(9) NOT NULL);',
}


@pytest.mark.parametrize("change", UNSAFE)
def test_a_migration_that_would_break_the_running_code_is_refused(change: str) -> None:
    assert migrations.faults(UNSAFE[change]) != []


@pytest.mark.parametrize("change", SAFE)
def test_a_migration_that_the_running_code_survives_is_accepted(change: str) -> None:
    assert migrations.faults(SAFE[change]) == []


def test_migrating_waits_five_seconds_for_a_lock_and_no_longer() -> None:
    seen: list[str] = []

    def note(**_signal: object) -> None:
        seen.append(lock_timeout())

    pre_migrate.connect(note)
    try:
        call_command("migrate", "outbox", verbosity=0)
    finally:
        pre_migrate.disconnect(note)

    assert set(seen) == {"5s"}
    assert lock_timeout() == "0"


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])
