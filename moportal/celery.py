"""Celery carries row ids from the outbox to a worker and may lose or repeat them.

The database is the truth, the broker a bell: see `outbox`.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")

TRANSPORT_ALIASES["filesystem"] = "moportal.files_broker:Transport"
app = Celery("moportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def log_as_django_does(**_kwargs: Any) -> None:
    """Keep Celery from replacing the portal's masked log configuration by its own."""
    from logging.config import dictConfig  # noqa: PLC0415 -- needs Django's settings, not there at import

    from django.conf import settings  # noqa: PLC0415 -- the same

    dictConfig(settings.LOGGING)
