"""What the clock asks for."""

from celery import shared_task

from mobileplans.domain import retention


@shared_task
def forget() -> None:
    """Take off old visits and handoffs what nobody needs any more."""
    retention.forget_identifiers()
    retention.mask_codes()
