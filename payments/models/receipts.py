"""Receipts and credit notes, with the counters of their numbers.

Both are documents. What they say is stored when they are issued, so that no later change of the
catalogue, the brand or a name changes it.
"""

from django.db import models
from django.db.models import F, Q

from moportal.money import Money
from payments.constraints import SameAsParent
from payments.models.payments import Payment
from payments.models.refunds import Refund


class YearCounter(models.Model):
    """The last number of a year. Counting locks the row, so numbers are given one by one."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class ReceiptCounter(YearCounter):
    """The last receipt number of a year."""


class CreditNoteCounter(YearCounter):
    """The last credit note's number of a year."""


class Document(models.Model):
    """What a receipt and a credit note both say. Each year's numbers have no gaps."""

    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    issued_on = models.DateField(help_text="The day in the operator's billing zone.")
    seller_name = models.CharField(max_length=120)
    seller_address = models.TextField(blank=True)
    seller_tax_number = models.CharField(max_length=40, blank=True)
    # What was paid or given back: net and tax together.
    minor_units = models.PositiveBigIntegerField()
    net_minor_units = models.PositiveBigIntegerField()
    tax_minor_units = models.PositiveBigIntegerField()

    class Meta:
        abstract = True


class Receipt(Document):
    """The document of a charge."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    buyer_name = models.CharField(max_length=254)
    item = models.CharField(
        max_length=80, help_text="What was bought, such as the plan's name as the customer read it."
    )
    starts_on = models.DateField(null=True, blank=True, help_text="The first day of the plan.")
    ends_on = models.DateField(null=True, blank=True, help_text="The day on which it ends.")
    tax_rate = models.PositiveIntegerField(help_text="In basis points: 1900 is 19%.")
    # Staff set the market's words without a limit, and a long one must not stop a sale.
    tax_word = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text='What the market called the tax, as the customer read it. Empty: "Tax".',
    )
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="receipt_number_is_given_once", fields=["year", "number"]),
            models.CheckConstraint(
                name="receipt_is_of_the_year_of_its_day", condition=Q(year=F("issued_on__year"))
            ),
            models.CheckConstraint(
                name="receipt_adds_up",
                condition=Q(minor_units=F("net_minor_units") + F("tax_minor_units")),
            ),
            SameAsParent(
                name="receipt_is_over_what_was_paid", parent="payment", field="minor_units"
            ),
            models.CheckConstraint(
                name="receipt_has_both_days_of_a_period",
                condition=Q(starts_on__isnull=True, ends_on__isnull=True)
                | Q(starts_on__isnull=False, ends_on__isnull=False, ends_on__gte=F("starts_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year}-{self.number:06d}"

    @property
    def gross(self) -> Money:
        return Money(self.minor_units, self.currency)

    @property
    def net(self) -> Money:
        return Money(self.net_minor_units, self.currency)

    @property
    def tax(self) -> Money:
        return Money(self.tax_minor_units, self.currency)


class CreditNote(Document):
    """The document of a refund. Its receipt is the charge's, and has the buyer and the item."""

    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, related_name="credit_note")
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="credit_notes")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="credit_note_number_is_given_once", fields=["year", "number"]
            ),
            models.CheckConstraint(
                name="credit_note_is_of_the_year_of_its_day", condition=Q(year=F("issued_on__year"))
            ),
            models.CheckConstraint(
                name="credit_note_adds_up",
                condition=Q(minor_units=F("net_minor_units") + F("tax_minor_units")),
            ),
            SameAsParent(
                name="credit_note_is_over_what_was_given_back",
                parent="refund",
                field="minor_units",
            ),
        ]

    def __str__(self) -> str:
        return f"C{self.year}-{self.number:06d}"

    @property
    def gross(self) -> Money:
        return Money(self.minor_units, self.receipt.currency)

    @property
    def net(self) -> Money:
        return Money(self.net_minor_units, self.receipt.currency)

    @property
    def tax(self) -> Money:
        return Money(self.tax_minor_units, self.receipt.currency)
