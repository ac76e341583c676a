"""A worker's look at one row of the outbox, without a broker."""

from outbox import domain
from outbox.domain import Lease, RetryAfter
from outbox.models import Task


def looked_at(kind: str, subject: int) -> RetryAfter | None:
    """Let a worker that holds the lease look at this, and return when it wants to look again."""
    task = Task.objects.filter(kind=kind, subject=str(subject)).latest("pk")
    Task.objects.filter(pk=task.pk).update(lease_token="held")
    return domain._handlers[kind](str(subject), Lease(task.pk, "held"))  # noqa: SLF001 -- what is registered is what is tried
