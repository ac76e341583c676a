"""Celery tasks of the outbox. A broker message carries a row's id and nothing else."""

from celery import shared_task
from celery.signals import worker_ready
from django.utils.timezone import now

from outbox import domain, purging
from outbox.models import Heartbeat

# Seconds. A message that waits longer is dropped: the next reconciliation sends another.
RECONCILE_EXPIRES = 10


@shared_task
def process(task_id: int) -> None:
    """Process one outbox row now."""
    domain.process(task_id)


@shared_task
def reconcile() -> None:
    """Wake a worker for every due task: its message was lost, its lease expired, or it fell due."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": now()})
    # Each task gets its own message, so that a slow one does not delay the others.
    for task_id in domain.due_tasks():
        process.apply_async(args=(task_id,), expires=RECONCILE_EXPIRES)


@shared_task
def request_purge() -> None:
    """Enqueue the deletion of rows whose time is over, once a day for each table."""
    purging.request_purge()


@worker_ready.connect
def reconcile_at_start(**_kwargs: object) -> None:
    """Reconcile as soon as a worker starts, instead of waiting for beat's first tick.

    It goes through the broker, because the heartbeat shows that the broker works too.
    """
    reconcile.delay()
