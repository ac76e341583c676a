"""What the clock asks for."""

from celery import shared_task

from esim.domain import stock


@shared_task
def watch_pools() -> None:
    """Tell of every pool that has run low."""
    stock.watch()
