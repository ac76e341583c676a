"""End what staff show for a time, and store the logos that they upload."""

import structlog
from django.utils.timezone import now

from brand.initials import name_of
from brand.models import PNG, Logo, TimedText, running_at
from brand.pictures import clean

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


def store_logo(uploaded: bytes) -> Logo:
    """Clean and store a logo, once. Raises `brand.pictures.PictureRefused`."""
    picture = clean(uploaded)
    logo, _ = Logo.objects.get_or_create(
        name=name_of(picture.content, "png" if picture.media_type == PNG else "svg"),
        defaults={
            "media_type": picture.media_type,
            "content": picture.content,
            "size": len(picture.content),
        },
    )
    return logo
