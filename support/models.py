"""Who opened a customer's page and why, and what staff did there."""

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from accounts.models import User


class Opening(models.Model):
    """A short time in which one of the staff sees a customer's page."""

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="openings")
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    passed_check = models.BooleanField(
        "caller passed the check", help_text="Otherwise there was no caller, and there is a reason."
    )
    reason = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField()
    closes_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "opening of a customer's page"
        verbose_name_plural = "openings of customers' pages"
        default_permissions = ("view",)
        permissions = [("open_customer", "Can open a customer's page")]
        constraints = [
            models.CheckConstraint(
                name="opening_without_a_caller_has_a_reason",
                condition=Q(passed_check=True) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="opening_closes_after_it_opened", condition=Q(closes_at__gt=F("opened_at"))
            ),
        ]
        indexes = [
            models.Index(name="openings_by_reader", fields=["account", "opened_by", "-closes_at"])
        ]

    def __str__(self) -> str:
        return f"{self.account}, by {self.opened_by}"


class StaffAction(models.Model):
    """Something that staff did for a customer, or ask a second person to approve."""

    class State(models.TextChoices):
        ASKED = "asked", "Waits for a second person"
        DONE = "done", "Done"
        DECLINED = "declined", "Declined"

    account = models.ForeignKey(User, on_delete=models.PROTECT, related_name="staff_actions")
    action = models.CharField(max_length=40, help_text="Its name in the room's `actions`.")
    row = models.PositiveBigIntegerField(help_text="The key of what it was done with.")
    label = models.CharField(max_length=200, help_text="The row's name at that time.")
    reason = models.CharField(max_length=200)
    values = models.JSONField(
        default=dict, blank=True, help_text="What was typed, until it is carried out."
    )
    state = models.CharField(max_length=8, choices=State)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=now)
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "action of staff"
        verbose_name_plural = "actions of staff"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="staff_action_has_a_reason", condition=Q(reason__regex=r"\S")
            ),
            models.CheckConstraint(
                name="staff_action_state_known",
                condition=Q(state__in=["asked", "done", "declined"]),
            ),
            models.CheckConstraint(
                name="staff_action_waits_or_was_decided",
                condition=Q(state="asked", decided_at=None)
                | ~Q(state="asked") & Q(decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="nobody_approves_their_own_action",
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")) | Q(state="declined"),
            ),
            models.UniqueConstraint(
                name="one_action_waits_for_a_second_person",
                fields=["account", "action", "row"],
                condition=Q(state="asked"),
            ),
        ]
        indexes = [
            models.Index(name="staff_actions_of_a_customer", fields=["account", "-asked_at"]),
            models.Index(
                name="staff_actions_that_wait", fields=["asked_at"], condition=Q(state="asked")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.label}"


class CaseWork(models.Model):
    """Who of the staff works on a case. The case itself is a row of another room."""

    kind = models.CharField(max_length=30, help_text="Its name in the queue.")
    row = models.PositiveBigIntegerField(help_text="The key of the row that waits.")
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    changed_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ("view",)
        permissions = [("work_cases", "Can take cases and write notes")]
        constraints = [
            models.UniqueConstraint(name="one_owner_of_a_case", fields=["kind", "row"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}: {self.owner or 'nobody'}"


class CaseNote(models.Model):
    """What happened with a case, in the words of staff. Nobody changes a note."""

    kind = models.CharField(max_length=30)
    row = models.PositiveBigIntegerField()
    account = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="case_notes"
    )
    text = models.CharField(max_length=1000)
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["pk"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(name="case_note_has_a_text", condition=Q(text__regex=r"\S")),
        ]
        indexes = [
            models.Index(name="notes_of_a_case", fields=["kind", "row"]),
            models.Index(
                name="case_notes_of_a_customer",
                fields=["account", "-written_at"],
                condition=Q(account__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row}, {self.written_by}"
