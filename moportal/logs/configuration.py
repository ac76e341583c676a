"""Logging: one line for each event, with the visit's transactionId and with masked identifiers.

Identifiers are masked in the finished log event, so that no caller has to remember
to do it. Every run of 14 to 40 digits (IMEI, ICCID, EID) and every activation code
keeps its last four characters.
"""

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog

# Not after a point, so that a duration such as 0.0012345678901234 s stays readable.
_LONG_NUMBER = re.compile(r"(?<![\d.])\d{10,36}(\d{4})F?(?!\d)", re.ASCII)
_ACTIVATION_CODE = re.compile(r"1\$([A-Za-z0-9.-]+)\$[0-9A-Z-]*?([0-9A-Z-]{0,4})(?![0-9A-Z-])")


def mask_matching_ids(text: str) -> str:
    """Cut every activation code's matching id to its last four characters, and nothing else."""
    return _ACTIVATION_CODE.sub(r"1$\1$…\2", text)


def mask_identifiers(text: str) -> str:
    """Cut every identifier and every activation code to its last four characters."""
    return _LONG_NUMBER.sub(r"…\1", _ACTIVATION_CODE.sub(r"1$…$…\2", text))


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Mask every value of a log event (a structlog processor)."""
    for key, value in event.items():
        # The transaction id is the host's, not a device's. The
        # other two are structlog's own.
        if key in {"transaction_id", "exc_info", "_record"}:
            continue
        if isinstance(value, str):
            event[key] = mask_identifiers(value)
        elif not isinstance(value, (int, float, bool, type(None))):
            event[key] = mask_identifiers(str(value))
    return event


class NoHealthChecks(logging.Filter):
    """Drop Django's errors about `/readyz`, which is polled while the processes start."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/readyz" not in record.getMessage()


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_LOGGERS: dict[str, Any] = {
    "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    # These log query strings, which may hold an EID. The
    # portal's middleware logs requests.
    "httpx": {"level": "WARNING"},
    "httpcore": {"level": "WARNING"},
    "django.request": {"level": "ERROR"},
    # It logs each request that waits for a thread.
    "waitress.queue": {"level": "ERROR"},
    # These log two lines for each message, and neither names the order. Their
    # errors are at least warnings.
    "celery.app.trace": {"level": "WARNING"},
    "celery.worker.strategy": {"level": "WARNING"},
}


def make_formatter(*, as_json: bool = True) -> logging.Formatter:
    """Return the formatter of every log line. It masks identifiers."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    # Exceptions are formatted before the event is masked, so
    # that tracebacks are masked too.
    finish = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_event,
        renderer,
    ]
    return structlog.stdlib.ProcessorFormatter(
        processors=finish,
        foreign_pre_chain=[*_SHARED, structlog.stdlib.PositionalArgumentsFormatter()],
    )


def configure_logging(*, level: str, as_json: bool) -> dict[str, Any]:
    """Make structlog log through the standard library, and return its dictConfig."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"masked": {"()": make_formatter, "as_json": as_json}},
        "filters": {"no_health_checks": {"()": NoHealthChecks}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "masked",
                "filters": ["no_health_checks"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _LOGGERS,
    }


def log_uncaught_exceptions() -> None:
    """Log what Python would print by itself: uncaught exceptions of all threads, and warnings.

    Printed, a traceback would be many lines, and would show identifiers unmasked.
    """
    log = logging.getLogger("moportal.uncaught")

    def log_exception(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        log.critical("uncaught exception", exc_info=(kind, error, traceback))

    def log_exception_of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log_exception(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = log_exception
    threading.excepthook = log_exception_of_thread
    logging.captureWarnings(capture=True)
