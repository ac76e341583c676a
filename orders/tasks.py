"""Celery tasks that beat starts."""

from celery import shared_task

from orders.domain import expiring


@shared_task
def expire() -> None:
    """Enqueue eSIMs that nobody has downloaded."""
    expiring.enqueue_expired_orders()
