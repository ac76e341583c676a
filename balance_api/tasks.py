"""Celery tasks that beat starts."""

from celery import shared_task

from balance_api import admission


@shared_task
def delete_old_transactions() -> None:
    """Delete the transaction ids that may be used again."""
    admission.delete_old_transactions()
