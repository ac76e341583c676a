"""Processing of an outbox task in the test's own process, without a broker."""

from outbox import domain
from outbox.domain import Lease, RetryAfter
from outbox.models import Task


def process_task(kind: str, subject: object) -> RetryAfter | None:
    """Call the handler of the newest task of this subject, as a worker with the lease does.

    Returns what the handler returns: None, or when to retry.
    """
    task = Task.objects.filter(kind=kind, subject=str(subject)).latest("pk")
    Task.objects.filter(pk=task.pk).update(lease_token="test")
    return domain._handlers[kind](str(subject), Lease(task.pk, "test"))  # noqa: SLF001 -- the registered handler is under test
