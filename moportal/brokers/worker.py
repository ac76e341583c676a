"""Celery's worker, except that it publishes nothing by itself.

By default a worker publishes an event every two seconds, and greets other workers when it starts.
The main thread publishes these events, and retries for ever. If the broker stops just before an
event, the worker hangs until the broker is back: it logs nothing, and no signal ends it.
Nobody reads these events: the database has the heartbeat.
"""

from typing import Any

from celery.apps import worker

PUBLISHES_NOTHING = {"without_heartbeat": True, "without_gossip": True, "without_mingle": True}


class Worker(worker.Worker):
    """The worker that `celery worker` starts in the portal."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, **PUBLISHES_NOTHING})
