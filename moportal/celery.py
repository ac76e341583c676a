"""Celery carries row ids from the outbox to a worker and may lose or repeat them.

The database is the truth, the broker a bell: see `outbox`.
"""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")

TRANSPORT_ALIASES["filesystem"] = "moportal.files_broker:Transport"
app = Celery("moportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would close the database before and after each task, and opening it costs as much as an
# order does. Told to keep it for ever, it leaves that to `renew_connections`.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def renew_connections(**_kwargs: Any) -> None:
    """Close connections that are old or broken, as Django does around every request.

    CONN_MAX_AGE says how long a worker keeps one; CONN_HEALTH_CHECKS that it is tried before use.
    """
    close_old_connections()


@setup_logging.connect
def log_as_django_does(**_kwargs: Any) -> None:
    """Keep Celery from replacing the portal's masked log configuration by its own."""
    from logging.config import dictConfig  # noqa: PLC0415 -- needs Django's settings, not there at import

    from django.conf import settings  # noqa: PLC0415 -- the same

    dictConfig(settings.LOGGING)
