"""Mandates: customers' consents to charges while they are away."""

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from payments.models.methods import PaymentMethod
from payments.states import MandateEnd


class Mandate(models.Model):
    """A customer's consent that the operator charges a stored method while they are away.

    It proves what was agreed. So it never changes, except that it ends.
    """

    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="mandates")
    purpose = models.CharField(
        max_length=40, help_text="What is charged, for example one subscription."
    )
    text = models.TextField(help_text="The text that the customer agreed to.")
    language = models.CharField(max_length=12)
    transaction_id = models.CharField(
        max_length=64, blank=True, help_text="The launch in which the customer agreed, if any."
    )
    highest_minor_units = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="The most that one charge may be, if that was agreed. 0: nothing may be charged.",
    )
    currency = models.CharField(max_length=3, blank=True)
    agreed_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=10, choices=MandateEnd, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why staff have ended it.")

    class Meta:
        ordering = ["-pk"]
        permissions = [("end_mandate", "Can end a mandate")]
        constraints = [
            models.CheckConstraint(
                name="mandate_says_what_was_agreed",
                condition=~Q(purpose="") & ~Q(text="") & ~Q(language=""),
            ),
            models.CheckConstraint(
                name="mandate_limit_is_an_amount_in_a_currency",
                condition=Q(highest_minor_units__isnull=True, currency="")
                | Q(highest_minor_units__isnull=False) & ~Q(currency=""),
            ),
            models.CheckConstraint(
                name="ended_mandate_has_a_time_and_a_reason",
                condition=Q(ended_at__isnull=True, end_reason="")
                | Q(ended_at__gte=F("agreed_at"), end_reason__in=MandateEnd.values),
            ),
            models.CheckConstraint(
                name="staff_say_why_they_end_a_mandate",
                condition=Q(end_reason="staff") & ~Q(note="") | ~Q(end_reason="staff") & Q(note=""),
            ),
            models.UniqueConstraint(
                name="one_live_mandate_per_method_and_purpose",
                fields=["method", "purpose"],
                condition=Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"mandate for {self.purpose}"

    @property
    def account(self) -> User:
        """Return the customer who agreed: the owner of the method."""
        return self.method.account

    @property
    def limit(self) -> Money | None:
        """Return the highest amount of one charge, or None if no limit was agreed."""
        if self.highest_minor_units is None:
            return None
        return Money(self.highest_minor_units, self.currency)

    def allows(self, amount: Money) -> bool:
        """Say whether the customer agreed to a charge of this amount."""
        most = self.limit
        if most is None:
            return True
        return amount.currency == most.currency and amount.minor_units <= most.minor_units
