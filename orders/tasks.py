"""What the clock asks for."""

from celery import shared_task

from orders.domain import expiring


@shared_task
def expire() -> None:
    """Look for eSIMs that nobody came for."""
    expiring.enqueue_expired()
