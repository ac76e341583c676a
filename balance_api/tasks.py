"""What the clock asks for."""

from celery import shared_task

from balance_api import remembering


@shared_task
def forget() -> None:
    """Take off the transaction ids that may be used again."""
    remembering.forget()
