"""The app config of the project: system checks, and migrations that give up on a lock."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules


class MoportalConfig(AppConfig):
    name = "moportal"

    def ready(self) -> None:
        from moportal import checks  # noqa: F401, PLC0415 -- registers its checks; needs the settings
        from moportal.logs import security_log  # noqa: PLC0415 -- needs the settings

        security_log.connect()
        # The rooms' rules of how long their tables keep rows, and what these know of a customer.
        autodiscover_modules("retention", "personal")
        pre_migrate.connect(set_lock_timeout, dispatch_uid="moportal.set_lock_timeout")
        post_migrate.connect(reset_lock_timeout, dispatch_uid="moportal.reset_lock_timeout")


def set_lock_timeout(using: str, **_signal: Any) -> None:
    """Make a migration fail if it waits five seconds for a lock.

    While it waits, every other query on that table waits behind it.
    """
    _execute(using, "SET lock_timeout = '5s'")


def reset_lock_timeout(using: str, **_signal: Any) -> None:
    _execute(using, "RESET lock_timeout")


def _execute(using: str, statement: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(statement)
