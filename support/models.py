"""Who opened a customer's page, and why."""

from django.db import models
from django.db.models import F, Q

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
