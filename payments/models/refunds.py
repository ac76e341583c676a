"""Refunds of a payment, whole or in parts."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from moportal.money import Money
from payments.models.payments import Payment
from payments.states import (
    RefundKind,
    RefundState,
)


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
        indexes = [
            models.Index(
                name="failed_refunds",
                fields=["ended_at"],
                condition=Q(state="failed", settled_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="refund_state_known", condition=Q(state__in=RefundState.values)
            ),
            models.CheckConstraint(
                name="refund_kind_known", condition=Q(kind__in=RefundKind.values)
            ),
            models.CheckConstraint(name="refund_has_an_amount", condition=Q(minor_units__gt=0)),
            # With this constraint, two workers or two clicks share one refund.
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
