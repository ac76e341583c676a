"""Celery tasks that beat starts."""

from celery import shared_task

from payments.domain import authorisations


@shared_task
def let_go() -> None:
    """Enqueue authorisations whose time is over."""
    authorisations.enqueue_ended_authorisations()
