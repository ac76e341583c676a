"""The project's own app: it limits how long a migration waits for a lock."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class MoportalConfig(AppConfig):
    name = "moportal"

    def ready(self) -> None:
        pre_migrate.connect(limit_lock_waits, dispatch_uid="moportal.limit_lock_waits")
        post_migrate.connect(wait_as_before, dispatch_uid="moportal.wait_as_before")


def limit_lock_waits(using: str, **_signal: Any) -> None:
    """Let a migration fail instead of waiting long for a lock: other queries queue up behind it."""
    _execute(using, "SET lock_timeout = '5s'")


def wait_as_before(using: str, **_signal: Any) -> None:
    _execute(using, "RESET lock_timeout")


def _execute(using: str, statement: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement)
