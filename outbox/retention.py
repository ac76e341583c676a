"""How long the outbox keeps its rows."""

from moportal.retention import Kept, Timed, register
from outbox.models import Heartbeat, Task

register(
    Timed(Task, "tasks that are closed", since="closed_at", setting="TASK_DAYS"),
    Kept(Heartbeat, "a single row"),
)
