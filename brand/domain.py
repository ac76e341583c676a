"""End what staff show for a time."""

import structlog
from django.utils.timezone import now

from brand.models import TimedText, running_at

log = structlog.get_logger(__name__)


class NotRunning(Exception):
    """It has not begun, or it is over."""


def end(shown: TimedText) -> None:
    """End a text that is shown now. Raises `NotRunning`."""
    at = now()
    running = type(shown)._default_manager.filter(running_at(at), pk=shown.pk)  # noqa: SLF001 -- documented
    if not running.update(ends_at=at):
        raise NotRunning(str(shown))
    log.info("timed text ended", table=shown._meta.label, row=shown.pk)
