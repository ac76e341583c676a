"""The numbers in the operator's books: of receipts and of credit notes."""

from django.db import models

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


class Receipt(models.Model):
    """A charge's number in the operator's books. Each year's numbers have no gaps."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="receipt_number_is_given_once", fields=["year", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.year}-{self.number:06d}"


class CreditNote(models.Model):
    """A refund's number in the operator's books. Each year's numbers have no gaps."""

    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, related_name="credit_note")
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="credit_note_number_is_given_once", fields=["year", "number"]
            ),
        ]

    def __str__(self) -> str:
        return f"C{self.year}-{self.number:06d}"
