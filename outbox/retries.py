"""How long to wait before a call that gave no usable answer is made again."""

import random
from datetime import timedelta
from typing import Protocol

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from moportal.http_client import ServiceUnavailable

log = structlog.get_logger(__name__)
# Seconds between the first attempts, while the customer is watching.
RETRY_DELAYS = (0.5, 2, 4, 8, 12)
SHORT_TRIES = len(RETRY_DELAYS)
LONGEST_DELAY = timedelta(minutes=10)
LONGEST_ERROR = 200


class Retried(Protocol):
    """A row whose work is retried. It counts failed attempts and keeps the last error."""

    tries: int
    last_error: str


def retry_delay(tries: int, *, at_least: timedelta = timedelta()) -> timedelta:
    """Return the delay after this many failed attempts: short at first, then up to ten minutes.

    `at_least` is the delay that the service asked for.
    """
    if tries >= len(RETRY_DELAYS):
        return max(at_least, backoff(tries))
    # Without jitter, all orders that one outage has stopped would call
    # again at the same moment.
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 -- jitter is no secret
    return max(at_least, timedelta(seconds=RETRY_DELAYS[tries] * jitter))


def backoff(attempts: int) -> timedelta:
    """Return a delay that doubles with each attempt, with jitter, up to ten minutes."""
    # The exponent is limited, because a float overflows after a thousand attempts.
    seconds = min(2.0 ** min(attempts, 12), LONGEST_DELAY.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.5, 1))  # noqa: S311 -- jitter is no secret


def count_failure(row: Retried, *errors: Exception, keeps_error: bool = False) -> timedelta:
    """Record a failed attempt on the row and return the delay before the next one.

    All rooms follow this policy: retry soon at first, then less and less often, but never sooner
    than the services asked. An attempt that consists of several parts may fail with several
    errors. With `keeps_error` the row keeps the `last_error` that it has. The caller decides from
    `row.tries` when to stop.
    """
    assert isinstance(row, Model)  # noqa: S101 -- every Retried is a row
    tries = row.tries
    detail = "; ".join(f"{type(error).__name__}: {error}" for error in errors)
    if any(map(is_setting, errors)):
        log.error("a setting must be corrected: staff must act", tries=tries, detail=detail)
    else:
        log.warning("no usable answer", tries=tries, detail=detail)
    row.tries, changed = tries + 1, ["tries"]
    if not keeps_error:
        row.last_error = detail[:LONGEST_ERROR]
        changed.append("last_error")
    row.save(update_fields=changed)
    return retry_delay(tries, at_least=max(map(retry_after, errors)))


def retry_after(error: Exception) -> timedelta:
    """Return how long the service asked us to wait, or no time if the error does not say."""
    return error.retry_after if isinstance(error, ServiceUnavailable) else timedelta()


def is_setting(error: Exception) -> bool:
    """Return whether a setting must be corrected before another attempt can succeed."""
    if isinstance(error, ServiceUnavailable):
        return error.is_setting
    return isinstance(error, ImproperlyConfigured)
