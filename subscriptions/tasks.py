"""What the clock asks for."""

from celery import shared_task

from subscriptions.domain import pulling


@shared_task
def pull_usage() -> None:
    """Fetch usage from the charging system."""
    pulling.pull()
