"""Tasks: a row says *process this*, never *do step Y*. The handler reads the state and decides."""

from django.db import models
from django.db.models import F, Q


class Task(models.Model):
    """A row of another room that must be processed, from `not_before` on.

    The worker that claims it writes a lease. When the lease has
    expired, any worker may claim it.
    """

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=64, help_text="The primary key of the row to process.")
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    # Tells the worker that the task was enqueued again while its handler ran.
    enqueue_count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_task_per_kind_and_subject",
                fields=["kind", "subject"],
                condition=Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="closed_task_has_no_lease",
                condition=Q(closed_at__isnull=True) | Q(lease_until__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                F("not_before"), name="open_tasks_by_time", condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Heartbeat(models.Model):
    """When a worker last ran the reconciler for a broker message. `/readyz` reports its age."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
