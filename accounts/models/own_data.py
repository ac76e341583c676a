"""A customer's own data as a file, and the deletion of the account."""

import uuid

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User
from accounts.states import OPEN_DELETION, DeletionState

_OPEN = sorted(OPEN_DELETION)


class Export(models.Model):
    """A file with what the portal has stored about a customer. A worker makes it, in parts.

    Only its customer can download it, until `expires_at`. An account has one at a time.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exports")
    asked_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_export_per_account", fields=["account"]),
            models.CheckConstraint(
                name="export_that_is_ready_has_an_end",
                condition=Q(ready_at__isnull=True, expires_at__isnull=True)
                | Q(ready_at__isnull=False, expires_at__isnull=False, expires_at__gt=F("ready_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"export of account {self.account_id}"


class ExportPart(models.Model):
    """A part of the file. The worker and a download hold one part in memory at a time."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(name="export_part_is_there_once", fields=["export", "number"]),
        ]

    def __str__(self) -> str:
        return f"part {self.number}"


class Deletion(models.Model):
    """A customer's request to delete the account. `accounts.domain.deleting` moves it."""

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="deletions")
    state = models.CharField(max_length=7, choices=DeletionState, default=DeletionState.ASKED)
    language = models.CharField(max_length=12, help_text="For the last message.")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Before this time nothing is erased.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="deletion_state_known", condition=Q(state__in=DeletionState.values)
            ),
            models.UniqueConstraint(
                name="one_open_deletion_per_account",
                fields=["account"],
                condition=Q(state__in=_OPEN),
            ),
            models.CheckConstraint(
                name="deletion_leaves_time_to_undo_it", condition=Q(due_at__gt=F("asked_at"))
            ),
            models.CheckConstraint(
                name="ended_deletion_has_a_time",
                condition=Q(state__in=_OPEN, ended_at__isnull=True)
                | ~Q(state__in=_OPEN) & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"deletion of account {self.account_id} {self.state}"
