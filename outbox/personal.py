"""The outbox knows keys of rows, and no customer."""

from moportal.personal import Impersonal, register
from outbox.models import Heartbeat, Task

register(
    Impersonal(Task, "kinds and keys of rows that a worker must process"),
    Impersonal(Heartbeat, "when a worker last ran"),
)
