"""Celery tasks that beat starts."""

from celery import shared_task

from payments.domain import answers, authorisations, fetching


@shared_task
def let_go() -> None:
    """Enqueue authorisations whose time is over."""
    authorisations.enqueue_ended_authorisations()


@shared_task
def request_books() -> None:
    """Enqueue the days of the gateways' books that must be fetched or compared."""
    fetching.request_books()


@shared_task
def watch_disputes() -> None:
    """Report disputes that need an answer soon, and enqueue all open ones."""
    answers.watch()
