"""Rows that say *look at this*, never *do step Y*: the handler reads the truth and decides."""

from django.db import models
from django.db.models import F, Q


class Task(models.Model):
    """Something of another room that wants looking at, once `not_before` has come.

    A worker that takes it writes a lease; a lease that has run out is anybody's again.
    """

    kind = models.CharField(max_length=40)
    subject = models.CharField(
        max_length=64, help_text="The primary key of what is to be looked at."
    )
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    # Counts the bells: one that rang while a worker was looking means another look.
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
                name="closed_task_holds_no_lease",
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
    """When a worker last came round through the broker; what `/healthz` believes."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
