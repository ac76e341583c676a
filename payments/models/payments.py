"""Payments, the calls about them, and the events that gateways post."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from moportal.money import Money
from moportal.sealed import SealedField
from outbox.calls import OutsideCall
from payments.constraints import SameAsParent
from payments.models.mandates import Mandate
from payments.models.methods import PaymentMethod
from payments.states import (
    CodeVerdict,
    EventSubject,
    Initiator,
    PaymentState,
    RefusalKind,
)

# What was refunded, is being refunded and was lost of a payment, in minor units.
GIVEN_BACK = F("refunded_minor_units") + F("refunding_minor_units") + F("lost_minor_units")


class Payment(models.Model):
    """One charge for one decision of the customer. `key` is its idempotency key at the gateway."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="payments")
    initiator = models.CharField(
        max_length=8,
        choices=Initiator,
        default=Initiator.CUSTOMER,
        db_default=Initiator.CUSTOMER.value,
        help_text="Who started the payment. The operator needs a mandate of the customer.",
    )
    mandate = models.ForeignKey(
        Mandate, null=True, blank=True, on_delete=models.PROTECT, related_name="payments"
    )
    notice = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The notice of a price above the mandate's, if it reached the customer.",
    )
    reference = models.CharField(
        max_length=20, help_text="The order's number, shown to the gateway."
    )
    minor_units = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    refunded_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    # What open refunds are about to give back.
    refunding_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    # What disputes have taken. `payments.domain.losses` writes it and the next column.
    lost_minor_units = models.PositiveBigIntegerField(default=0, db_default=0)
    in_flight_minor_units = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text=(
            "Set while a dispute is open: what refunds were about to give back when it opened. No"
            " refund begins meanwhile."
        ),
    )
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.INTENDED)
    gateway_id = models.CharField(max_length=80, blank=True)
    authorised_until = models.DateTimeField(
        null=True, blank=True, help_text="After this time the gateway captures nothing."
    )
    captured_at = models.DateTimeField(null=True, blank=True)
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
    retry_at = models.DateTimeField(
        null=True, blank=True, help_text="Before this time, the gateway advises against a new try."
    )
    return_url = models.URLField(
        max_length=500, blank=True, help_text="The page that the bank sends the customer back to."
    )
    customer_step_url = models.URLField(max_length=2000, blank=True)
    code_step_id = models.CharField(
        max_length=80, blank=True, db_default="", help_text="What the gateway calls its code."
    )
    code_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway first waited for a code."
    )
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
            models.CheckConstraint(
                name="only_a_refusal_for_now_says_when_to_try_again",
                condition=Q(retry_at__isnull=True) | Q(refusal_kind="later"),
            ),
            models.CheckConstraint(
                name="payment_of_the_operator_has_a_mandate",
                condition=Q(initiator="operator", mandate__isnull=False)
                | Q(initiator="customer", mandate__isnull=True),
            ),
            models.CheckConstraint(
                name="only_a_charge_under_a_mandate_names_a_notice",
                condition=Q(notice="") | Q(initiator="operator"),
            ),
            # So the account is the same too: a mandate has no account of its own.
            SameAsParent(
                name="the_mandate_is_of_the_payments_method", parent="mandate", field="method"
            ),
            models.CheckConstraint(
                name="payment_of_the_operator_waits_for_nobody",
                condition=~Q(initiator="operator", state="pending"),
            ),
            models.CheckConstraint(
                name="charged_payment_has_a_time",
                condition=Q(state__in=["captured", "refunded"], captured_at__isnull=False)
                | ~Q(state__in=["captured", "refunded"]) & Q(captured_at__isnull=True),
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
                name="no_refund_begins_while_a_dispute_is_open",
                condition=Q(in_flight_minor_units__isnull=True)
                | Q(refunding_minor_units__lte=F("in_flight_minor_units")),
            ),
            models.CheckConstraint(
                name="refunded_payment_is_given_back_whole",
                condition=Q(state="refunded", refunded_minor_units=F("minor_units"))
                | ~Q(state="refunded") & Q(refunded_minor_units__lt=F("minor_units")),
            ),
        ]
        indexes = [
            models.Index(name="payments_by_reference", fields=["reference"]),
            models.Index(name="payments_by_gateway_id", fields=["gateway_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.minor_units, self.currency)

    @property
    def left(self) -> Money:
        """Return what can be refunded now: nothing while a dispute is open."""
        if self.state != PaymentState.CAPTURED or self.is_disputed:
            return Money(0, self.currency)
        gone = self.refunded_minor_units + self.refunding_minor_units + self.lost_minor_units
        return Money(self.minor_units - gone, self.currency)

    @property
    def is_disputed(self) -> bool:
        """Say whether a dispute that takes money is open. Nothing is refunded meanwhile."""
        return self.in_flight_minor_units is not None

    @property
    def waits_for_code(self) -> bool:
        """Say whether the customer can type a code now."""
        is_asked = self.code_asked_at is not None and self.code_step_id != ""
        return self.state == PaymentState.PENDING and is_asked

    @property
    def has_lost_code(self) -> bool:
        """Say whether the gateway wants a code but its id was lost, so no code can be sent."""
        is_asked = self.code_asked_at is not None and self.code_step_id == ""
        return self.state == PaymentState.PENDING and is_asked

    @property
    def has_ended_authorisation(self) -> bool:
        """Say whether the time to capture an authorised amount is over."""
        ends = self.authorised_until
        return self.state == PaymentState.AUTHORISED and ends is not None and ends <= now()

    @property
    def was_charged(self) -> bool:
        """Say whether the gateway has charged it, even if that was refunded."""
        return self.state in {PaymentState.CAPTURED, PaymentState.REFUNDED}


class PaymentCode(models.Model):
    """A code that a customer typed. It is deleted when the gateway has compared it."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="typed_codes")
    code = SealedField(blank=True)
    verdict = models.CharField(max_length=5, choices=CodeVerdict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="code_verdict_known", condition=Q(verdict__in=["", *CodeVerdict.values])
            ),
            models.CheckConstraint(
                name="compared_code_is_deleted", condition=Q(verdict="") | Q(code="")
            ),
            models.UniqueConstraint(
                name="one_code_of_a_payment_is_compared_at_a_time",
                fields=["payment"],
                condition=Q(verdict=""),
            ),
        ]

    def __str__(self) -> str:
        return self.verdict or "being compared"


class GatewayCall(OutsideCall):
    """One call to the payment gateway."""

    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="calls")
    operation = models.CharField(max_length=12)
    key = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"


class WebhookEvent(models.Model):
    """What a gateway has posted, stored once. It wakes a worker and decides nothing."""

    gateway = models.CharField(max_length=20)
    identifier = models.CharField(max_length=80)
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    gateway_id = models.CharField(max_length=80)
    reference = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=80)
    subject = models.CharField(
        max_length=13,
        choices=EventSubject,
        default=EventSubject.PAYMENT,
        help_text="What the event is about.",
    )
    subject_id = models.CharField(max_length=80, blank=True)
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
