"""Payment methods and payments. Only a card's token, brand, last four and expiry are kept."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from moportal.money import Money
from moportal.sealed import SealedField
from outbox.calls import OutsideCall
from payments.states import (
    PAGE_UNDER_WAY,
    CardPageState,
    PaymentState,
    RefundKind,
    RefundState,
    RefusalKind,
)

# What a payment has given back, will give back and has lost, in minor units.
GIVEN_BACK = F("refunded_minor_units") + F("refunding_minor_units") + F("lost_minor_units")


class PaymentMethod(models.Model):
    """A customer's stored card, as the gateway's token for it.

    A card that the customer removes is never offered or accepted again. The gateway
    forgets it as soon as no payment needs it.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payment_methods"
    )
    gateway = models.CharField(
        max_length=20, help_text="The gateway that knows it, and that makes its payments."
    )
    token = SealedField()
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    expiry_month = models.PositiveSmallIntegerField()
    expiry_year = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bank refused it for good. It is not tried again."
    )
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway removed it as well."
    )
    # The attempts to remove it at the gateway.
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_error = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        permissions = [("settle_removal", "Can settle the removal of a card at the gateway")]
        constraints = [
            models.CheckConstraint(name="payment_method_has_a_gateway", condition=~Q(gateway="")),
            models.CheckConstraint(
                name="card_expires_in_a_month", condition=Q(expiry_month__range=(1, 12))
            ),
            models.CheckConstraint(
                name="only_the_last_four_of_a_card", condition=Q(last4__regex=r"^[0-9]{4}$")
            ),
            models.CheckConstraint(
                name="what_is_forgotten_was_removed_and_has_no_token",
                condition=Q(forgotten_at__isnull=True) | Q(removed_at__isnull=False, token=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} {self.last4}"

    @property
    def expiry(self) -> str:
        return f"{self.expiry_month:02d}/{self.expiry_year % 100:02d}"

    @property
    def is_expired(self) -> bool:
        """Say whether the card's last month is over."""
        today = now()
        return (self.expiry_year, self.expiry_month) < (today.year, today.month)


class CardPage(models.Model):
    """A page of the gateway on which a customer types a new card. `key` is its idempotency key.

    The row is stored before any call. A worker makes the calls (`payments.domain.pages`).
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="card_pages"
    )
    state = models.CharField(max_length=8, choices=CardPageState, default=CardPageState.INTENDED)
    return_url = models.URLField(
        max_length=500, help_text="The page that the gateway sends the customer back to."
    )
    gateway = models.CharField(max_length=20, help_text="The gateway whose page it is.")
    gateway_id = models.CharField(max_length=80, blank=True)
    url = models.URLField(max_length=500, blank=True)
    method = models.OneToOneField(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="card_page"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When the customer's browser was sent to the page."
    )
    returned_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the customer came back. Cleared once the gateway has been asked.",
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="card_page_has_a_gateway", condition=~Q(gateway="")),
            models.CheckConstraint(
                name="card_page_state_known", condition=Q(state__in=CardPageState.values)
            ),
            models.CheckConstraint(
                name="open_card_page_has_an_address",
                condition=~Q(state__in=["open", "taken"]) | ~Q(gateway_id="") & ~Q(url=""),
            ),
            models.CheckConstraint(
                name="card_page_has_a_method_once_it_is_taken",
                condition=Q(state="taken", method__isnull=False)
                | ~Q(state="taken") & Q(method__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"card page {self.state}"

    @property
    def is_under_way(self) -> bool:
        return self.state in PAGE_UNDER_WAY


class Payment(models.Model):
    """One charge for one decision of the customer. `key` is its idempotency key at the gateway."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="payments")
    reference = models.CharField(
        max_length=20, help_text="The order's number, shown to the gateway."
    )
    minor_units = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    refunded_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    # What open refunds are about to give back.
    refunding_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    # What the customer's bank has taken back, for example after a dispute.
    lost_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.INTENDED)
    gateway_id = models.CharField(max_length=80, blank=True)
    authorised_until = models.DateTimeField(
        null=True, blank=True, help_text="After this time the gateway captures nothing."
    )
    decline_reason = models.CharField(max_length=80, blank=True)
    refusal_kind = models.CharField(
        max_length=8,
        choices=RefusalKind,
        blank=True,
        default="",
        db_default="",
        help_text="What the refusal means for the payment method.",
    )
    declined_at = models.DateTimeField(null=True, blank=True)
    return_url = models.URLField(
        max_length=500, blank=True, help_text="The page that the bank sends the customer back to."
    )
    customer_step_url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="payment_state_known", condition=Q(state__in=PaymentState.values)
            ),
            models.CheckConstraint(
                name="declined_payment_has_a_kind_and_a_time",
                condition=Q(
                    state="declined",
                    refusal_kind__in=RefusalKind.values,
                    declined_at__isnull=False,
                )
                | ~Q(state="declined") & Q(refusal_kind="", declined_at__isnull=True),
            ),
            models.CheckConstraint(name="payment_has_an_amount", condition=Q(minor_units__gt=0)),
            models.CheckConstraint(
                name="payment_at_the_gateway_has_its_id",
                condition=~Q(state__in=["authorised", "captured", "refunded"]) | ~Q(gateway_id=""),
            ),
            models.CheckConstraint(
                name="captured_less_refunded_and_lost_is_never_negative",
                condition=Q(state__in=["captured", "refunded"], minor_units__gte=GIVEN_BACK)
                | ~Q(state__in=["captured", "refunded"])
                & Q(refunded_minor_units=0, refunding_minor_units=0, lost_minor_units=0),
            ),
            models.CheckConstraint(
                name="refunded_payment_is_given_back_whole",
                condition=Q(state="refunded", refunded_minor_units=F("minor_units"))
                | ~Q(state="refunded") & Q(refunded_minor_units__lt=F("minor_units")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.minor_units, self.currency)

    @property
    def left(self) -> Money:
        """Return what can still be refunded."""
        if self.state != PaymentState.CAPTURED:
            return Money(0, self.currency)
        gone = self.refunded_minor_units + self.refunding_minor_units + self.lost_minor_units
        return Money(self.minor_units - gone, self.currency)

    @property
    def has_ended_authorisation(self) -> bool:
        """Say whether the time to capture an authorised amount is over."""
        ends = self.authorised_until
        return self.state == PaymentState.AUTHORISED and ends is not None and ends <= now()

    @property
    def was_charged(self) -> bool:
        """Say whether the gateway has charged it, even if that was refunded."""
        return self.state in {PaymentState.CAPTURED, PaymentState.REFUNDED}


class GatewayCall(OutsideCall):
    """One call to the payment gateway."""

    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="calls")
    operation = models.CharField(max_length=12)
    key = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"


class Refund(models.Model):
    """Money given back from a captured payment. `key` is its idempotency key at the gateway."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    minor_units = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=10, choices=RefundKind)
    state = models.CharField(max_length=8, choices=RefundState, default=RefundState.ASKED)
    reason = models.CharField(max_length=200)
    gateway_id = models.CharField(max_length=80, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds_asked_for",
        help_text="Empty where an order gives the money back.",
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff have settled a failed refund."
    )

    class Meta:
        ordering = ["pk"]
        permissions = [("refund_charge", "Can refund a charge in parts")]
        constraints = [
            models.CheckConstraint(
                name="refund_state_known", condition=Q(state__in=RefundState.values)
            ),
            models.CheckConstraint(
                name="refund_kind_known", condition=Q(kind__in=RefundKind.values)
            ),
            models.CheckConstraint(name="refund_has_an_amount", condition=Q(minor_units__gt=0)),
            # So two workers, and two clicks, share one refund.
            models.UniqueConstraint(
                name="one_open_refund_of_a_kind_per_payment",
                fields=["payment", "kind"],
                condition=Q(state="asked"),
            ),
            models.CheckConstraint(
                name="ended_refund_has_a_time",
                condition=Q(state="asked", ended_at__isnull=True)
                | ~Q(state="asked") & Q(ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="only_a_failed_refund_is_settled",
                condition=Q(settled_at__isnull=True) | Q(state="failed"),
            ),
        ]

    def __str__(self) -> str:
        return f"refund of {self.payment.reference} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.minor_units, self.payment.currency)


class YearCounter(models.Model):
    """The last number of a year. Counting locks the row, so those who count take turns."""

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


class WebhookEvent(models.Model):
    """What the gateway told us, stored once. It wakes a worker and decides nothing."""

    gateway = models.CharField(max_length=20)
    identifier = models.CharField(max_length=80)
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    gateway_id = models.CharField(max_length=80)
    reference = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=80)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="event_of_a_gateway_is_stored_once", fields=["gateway", "identifier"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.status}"
