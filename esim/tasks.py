"""Tasks that beat starts."""

from celery import shared_task

from esim.domain import stock


@shared_task
def watch_pools() -> None:
    """Warn of every pool that has run low."""
    stock.warn_of_low_pools()
