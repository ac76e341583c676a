"""Celery tasks that beat starts."""

from celery import shared_task

from subscriptions.domain import pulling, renewing


@shared_task
def request_pull() -> None:
    """Enqueue the task that fetches usage from the charging system."""
    pulling.request_pull()


@shared_task
def renew_due() -> None:
    """Enqueue the subscriptions that are due."""
    renewing.enqueue_due()
