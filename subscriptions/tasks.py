"""What beat starts."""

from celery import shared_task

from subscriptions.domain import pulling


@shared_task
def request_pull() -> None:
    """See to it that usage is fetched from the charging system."""
    pulling.request_pull()
