"""Celery tasks that beat starts."""

from celery import shared_task

from subscriptions.domain import pulling


@shared_task
def request_pull() -> None:
    """Enqueue the task that fetches usage from the charging system."""
    pulling.request_pull()
