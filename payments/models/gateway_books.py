"""The gateways' books, day by day, and their differences from the portal's rows."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from moportal.money import Money
from payments.models.payments import Payment
from payments.states import DifferenceKind, EntryKind


class BookDay(models.Model):
    """One day in the books of one gateway. The row is stored before the gateway is asked."""

    gateway = models.CharField(max_length=20)
    day = models.DateField(help_text="A day in the gateway's own time zone.")
    after = models.CharField(max_length=200, blank=True, help_text="Where the next page begins.")
    is_complete = models.BooleanField(default=False, help_text="All entries of the day are stored.")
    compared_at = models.DateTimeField(null=True, blank=True)
    # How often fetching the day has failed.
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-day", "gateway"]
        permissions = [("fetch_books", "Can fetch and compare a day of a gateway's books again")]
        constraints = [
            models.UniqueConstraint(
                name="one_row_for_each_day_of_a_gateways_books", fields=["gateway", "day"]
            ),
            models.CheckConstraint(
                name="only_a_complete_day_is_compared",
                condition=Q(is_complete=True) | Q(compared_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.day}"


class BookEntry(models.Model):
    """One movement of money in a gateway's books, as the gateway lists it."""

    gateway = models.CharField(max_length=20)
    entry_id = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=EntryKind)
    booked_on = models.DateField(help_text="The day in the gateway's own time zone.")
    minor_units = models.BigIntegerField(
        help_text="What it adds to the balance at the gateway, before the fee."
    )
    currency = models.CharField(max_length=3)
    fee_minor_units = models.BigIntegerField(default=0, help_text="What the gateway keeps of it.")
    gateway_id = models.CharField(max_length=80, blank=True, help_text="The payment's id there.")
    cause_id = models.CharField(
        max_length=80, blank=True, help_text="The id of the refund or the dispute there."
    )
    reference = models.CharField(max_length=80, blank=True)
    payout_id = models.CharField(max_length=80, blank=True, help_text="The payout that pays it.")
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "book entries"
        indexes = [
            models.Index(name="book_entries_by_day", fields=["gateway", "booked_on"]),
            models.Index(name="book_entries_by_payment", fields=["gateway", "gateway_id"]),
            models.Index(name="book_entries_by_payout", fields=["gateway", "payout_id"]),
        ]
        constraints = [
            models.UniqueConstraint(
                name="entry_of_a_gateway_is_stored_once", fields=["gateway", "entry_id"]
            ),
            models.CheckConstraint(name="entry_kind_known", condition=Q(kind__in=EntryKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind} {self.entry_id}"

    @property
    def amount(self) -> Money:
        return Money(self.minor_units, self.currency)


class BookDifference(models.Model):
    """One place where a gateway's books and the portal's rows differ. Staff settle it."""

    gateway = models.CharField(max_length=20)
    day = models.DateField(help_text="The day in the gateway's books.")
    kind = models.CharField(max_length=16, choices=DifferenceKind)
    subject = models.CharField(max_length=120, help_text="What differs, as kind and id.")
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="book_differences"
    )
    our_minor_units = models.BigIntegerField(null=True, blank=True)
    our_currency = models.CharField(max_length=3, blank=True)
    their_minor_units = models.BigIntegerField(null=True, blank=True)
    their_currency = models.CharField(max_length=3, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    found_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty where a later comparison no longer found the difference.",
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it counts as settled.")

    class Meta:
        ordering = ["-day", "-pk"]
        permissions = [("settle_difference", "Can settle a difference in a gateway's books")]
        constraints = [
            models.UniqueConstraint(
                name="open_difference_is_found_once",
                fields=["gateway", "kind", "subject"],
                condition=Q(settled_at__isnull=True),
            ),
            models.CheckConstraint(
                name="difference_kind_known", condition=Q(kind__in=DifferenceKind.values)
            ),
            models.CheckConstraint(
                name="settled_difference_has_a_reason",
                condition=Q(settled_at__isnull=True, settled_by__isnull=True, reason="")
                | Q(settled_at__isnull=False) & ~Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.day}: {self.get_kind_display()}"

    @property
    def ours(self) -> Money | None:
        """Return the portal's amount, or None where the portal has none."""
        return _money(self.our_minor_units, self.our_currency)

    @property
    def theirs(self) -> Money | None:
        """Return the gateway's amount, or None where the gateway has none."""
        return _money(self.their_minor_units, self.their_currency)


def _money(minor_units: int | None, currency: str) -> Money | None:
    return None if minor_units is None else Money(minor_units, currency)
