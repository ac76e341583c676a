"""Refuse to test without the real servers, with a sentence that says what to type.

pytest loads this before Django's settings, which would complain in their own words.
"""

import os
import ssl
import subprocess
import sys
from functools import cache

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from tests.services import TEMPLATE

missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
if missing:
    message = (
        f"{' and '.join(missing)} not set: the tests need their own PostgreSQL and Redis. "
        "Run `make test` (ARGS='-k name' for a part), which starts both."
    )
    raise pytest.UsageError(message)

# A machine that is busy elsewhere is slow: what a test asserts is
# never the time that it took.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Each call without its own client would read all certificate
# authorities of the machine again.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]  # the same


def pytest_configure(config: pytest.Config) -> None:
    """Hash passwords fast: a good hash takes a quarter of a second, in two tests of three.

    The schema is made once, by the migrations, and every test database is a copy of it.
    """
    from django.conf import settings as of_django  # noqa: PLC0415 -- pytest-django has them by now

    of_django.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Otherwise every test's client would look through all static files first.
    of_django.WHITENOISE_AUTOREFRESH = True
    if not hasattr(config, "workerinput"):
        migrate_template()
    of_django.DATABASES["default"]["TEST"].update(TEMPLATE=TEMPLATE, MIGRATE=False)


def migrate_template() -> None:
    """Make the database that test databases and copies of the product begin as."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    environment = {**os.environ, "DATABASE_URL": f"{server}/{TEMPLATE}"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, env=environment, check=True)
