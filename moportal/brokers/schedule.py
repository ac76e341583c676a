"""What beat starts, and how often. Intervals are in seconds."""

from typing import Any

MINUTE, HOUR = 60.0, 3600.0


def beat_schedule(*, pulls_usage: bool, fetches_provider: bool) -> dict[str, Any]:
    """Return Celery's table. Nothing is fetched from a system that is not configured."""
    schedule = {
        "reconcile": _every(5.0, "outbox.tasks.reconcile", expires=10),
        "watch pools": _every(MINUTE, "esim.tasks.watch_pools", expires=60),
        "watch disputes": _every(HOUR, "payments.tasks.watch_disputes", expires=600),
        "let go": _every(5 * MINUTE, "payments.tasks.let_go", expires=60),
        # The table of entries shows which days are known, so a message that is lost does no harm.
        "books": _every(HOUR, "payments.tasks.request_books", expires=600),
        "expire": _every(HOUR, "orders.tasks.expire", expires=600),
        "renew": _every(MINUTE, "subscriptions.tasks.renew_due", expires=60),
        "forget": _every(HOUR, "mobileplans.tasks.forget", expires=600),
        "purge": _every(HOUR, "outbox.tasks.request_purge", expires=600),
    }
    if pulls_usage:
        schedule["pull usage"] = _every(MINUTE, "subscriptions.tasks.request_pull", expires=60)
    if fetches_provider:
        schedule["fetch provider"] = _every(
            5 * MINUTE, "accounts.tasks.request_provider", expires=60
        )
    return schedule


def _every(seconds: float, task: str, *, expires: int) -> dict[str, Any]:
    """Return an entry. Its message is dropped if no worker has taken it within `expires` seconds.

    Without that limit the messages pile up while all workers are down.
    """
    return {"task": task, "schedule": seconds, "options": {"expires": expires}}
