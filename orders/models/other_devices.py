"""The code with which another device pays for an order."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from moportal.sealed import SealedField
from orders.models.orders import Order


class PayingCode(models.Model):
    """A code that lets another device pay for one order, once and for some minutes.

    The code is stored sealed as long as it works: the first device's page shows it again. When the
    code is entered, its digest finds the row (`orders.domain.other_devices`).
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="paying_codes")
    code = SealedField(blank=True)
    code_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was entered on another device."
    )
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was used, or replaced by a new one."
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_paying_code_per_order",
                fields=["order"],
                condition=Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="used_paying_code_has_ended",
                condition=Q(used_at__isnull=True) | Q(ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="ended_paying_code_is_deleted",
                condition=Q(ended_at__isnull=True) & ~Q(code="")
                | Q(ended_at__isnull=False) & Q(code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"paying code of {self.order}"

    @property
    def is_usable(self) -> bool:
        return self.ended_at is None and self.expires_at > now()

    @property
    def display_code(self) -> str:
        """Return the code in two groups, for reading aloud."""
        return f"{self.code[:4]}-{self.code[4:]}"
