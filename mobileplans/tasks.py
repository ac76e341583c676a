"""Periodic tasks."""

from celery import shared_task

from mobileplans.domain import retention


@shared_task
def forget() -> None:
    """Erase identifiers of old visits and mask codes of expired handoffs."""
    retention.forget_identifiers()
    retention.mask_codes()
