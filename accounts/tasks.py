"""Tasks that beat starts."""

from celery import shared_task

from accounts import limiter


@shared_task
def purge_counts() -> None:
    """Delete what the limits counted in a time that has passed."""
    limiter.purge()
