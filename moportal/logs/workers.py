"""What Celery's worker and beat write: log lines alone, like every other process of the portal.

By default Celery prints banners, and says by bare words that it is shutting down.
"""

import logging
import os
from logging.config import dictConfig
from typing import Any

from celery.apps import beat, worker
from django.conf import settings

from moportal.logs.configuration import log_uncaught_exceptions

STANDARD_ERROR = 2


class QuietBeat(beat.Beat):
    """Celery's beat, without its banner."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "quiet": True})
        write_log_lines_alone()


def silence_worker(instance: Any, **_signal: Any) -> None:
    """Leave out the worker's banner, and let it log what it would print."""
    instance.quiet = True
    write_log_lines_alone()
    # Celery's functions look it up in their module.
    vars(worker)["safe_say"] = say_as_log_line


def write_log_lines_alone() -> None:
    dictConfig(settings.LOGGING)
    log_uncaught_exceptions()


def say_as_log_line(message: str, *_file: Any) -> None:
    """Write what Celery says when it is told to end.

    Celery calls this in a signal handler, which may interrupt a thread that is writing a log line.
    So the line is written past Python's buffers, which must not be entered twice.
    """
    record = logging.makeLogRecord(
        {"name": "celery.worker", "levelname": "INFO", "levelno": logging.INFO, "msg": message}
    )
    (handler, *_others) = logging.getLogger().handlers
    os.write(STANDARD_ERROR, f"{handler.format(record)}\n".encode())
