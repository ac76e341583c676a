"""Logging: one line for each event, with the visit's transactionId and with masked identifiers.

The finished event is masked, so that no caller has to remember it. Every run of 14 to 40 digits
(IMEI, ICCID, EID) and every activation code keeps only its last four characters.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

_LONG_NUMBER = re.compile(r"(?<![\d.])\d{10,36}(\d{4})F?(?!\d)", re.ASCII)
_ACTIVATION_CODE = re.compile(r"1\$([A-Za-z0-9.-]+)\$[0-9A-Z-]*?([0-9A-Z-]{0,4})(?![0-9A-Z-])")


def masked_code(text: str) -> str:
    """Return the text with every matching id cut to its last four characters."""
    return _ACTIVATION_CODE.sub(r"1$\1$…\2", text)


def masked(text: str) -> str:
    """Return the text with every identifier cut to its last four characters."""
    return _LONG_NUMBER.sub(r"…\1", _ACTIVATION_CODE.sub(r"1$…$…\2", text))


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Mask every value of a log event (a structlog processor)."""
    for key, value in event.items():
        if key in {"transaction_id", "exc_info", "_record"}:
            continue
        if isinstance(value, str):
            event[key] = masked(value)
        elif not isinstance(value, (int, float, bool, type(None))):
            event[key] = masked(str(value))
    return event


class NoHealthChecks(logging.Filter):
    """Drop Django's warnings about `/healthz`: it is asked every second while the parts start."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/healthz" not in record.getMessage()


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Return the dictConfig, and set structlog up to log through the standard library."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    finish = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_event,
        renderer,
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "masked": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": finish,
                "foreign_pre_chain": [
                    *_SHARED,
                    structlog.stdlib.PositionalArgumentsFormatter(),
                ],
            }
        },
        "filters": {"no_health_checks": {"()": NoHealthChecks}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "masked",
                "filters": ["no_health_checks"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            # These log query strings, which may hold an EID. The portal's middleware logs requests.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            # These log two lines for each message without naming the order. Errors are warnings.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
