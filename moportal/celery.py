"""Celery carries the ids of outbox rows to the workers.

A message may be lost or arrive twice. It only wakes a worker: the row decides what is done.
"""

import os
import sys
from functools import cached_property
from typing import Any

import structlog
from celery import Celery
from celery.signals import celeryd_init, setup_logging, task_postrun, task_prerun
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moportal.settings")

TRANSPORT_ALIASES["filesystem"] = "moportal.brokers.files:Transport"
TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "moportal.brokers.redis:Transport"


class Portal(Celery):
    """Celery's application. Its beat writes log lines alone, and its worker publishes nothing."""

    @cached_property
    def Worker(self) -> Any:  # noqa: N802 -- Celery's name
        name: Any = "moportal.brokers.worker:Worker"
        return self.subclass_with_self(name)

    @cached_property
    def Beat(self) -> Any:  # noqa: N802 -- Celery's name
        name: Any = "moportal.logs.workers:QuietBeat"
        return self.subclass_with_self(name)


app = Portal("moportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# By default Celery closes the database connection before and after each task, and opening one costs
# as much as settling an order. With this setting Celery never closes it; `renew_connections` does.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def renew_connections(**_kwargs: Any) -> None:
    """Close connections that are old or broken, as Django does around every request.

    CONN_MAX_AGE limits their age. CONN_HEALTH_CHECKS tests each one before its first use in a task.
    """
    close_old_connections()


@task_prerun.connect
def begin_log_context(**_kwargs: Any) -> None:
    """Forget what the thread's last task has bound, such as an order."""
    structlog.contextvars.clear_contextvars()


@celeryd_init.connect
def silence_worker(**signal: Any) -> None:
    from moportal.logs import workers  # noqa: PLC0415 -- needs Django's settings, and only a worker needs it

    workers.silence_worker(**signal)


@setup_logging.connect
def log_as_django_does(**_kwargs: Any) -> None:
    """Configure logging as Django does, because Celery's own logging masks no identifiers."""
    from logging.config import dictConfig  # noqa: PLC0415 -- needs Django's settings, which are not loaded at import

    from django.conf import settings  # noqa: PLC0415 -- the same

    dictConfig(settings.LOGGING)
