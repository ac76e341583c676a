"""What travels by Celery: row ids, and the bell of the clock."""

from celery import shared_task
from celery.signals import worker_ready
from django.utils.timezone import now

from outbox import domain
from outbox.models import Heartbeat

# Seconds; the next round asks again anyway.
RECONCILE_EXPIRES = 10


@shared_task
def look_at(task_id: int) -> None:
    """Look at one row now."""
    domain.process(task_id)


@shared_task
def reconcile() -> None:
    """Find what stands still: lost bells, dead workers' leases, rows whose time has come."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": now()})
    # Each by a message of its own: a slow one must not keep the others waiting.
    for task_id in domain.due_tasks():
        look_at.apply_async(args=(task_id,), expires=RECONCILE_EXPIRES)


@worker_ready.connect
def come_round_at_once(**_kwargs: object) -> None:
    """Reconcile through the broker when a worker starts, rather than at beat's first tick."""
    reconcile.delay()
