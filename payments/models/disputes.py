"""Disputes, the answers to them, and early fraud warnings."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from moportal.money import Money
from payments.models.payments import Payment
from payments.states import (
    AnswerKind,
    AnswerState,
    DisputeKind,
    DisputeState,
)


class Dispute(models.Model):
    """A dispute or an inquiry of the customer's bank about a charge, as the gateway reports it.

    A payment may have several. `taken_minor_units` is what the gateway has taken from the operator
    by now. `counted_minor_units` is the part of it that the payment counts as lost. The rest is
    money that the customer has twice, by a refund and by the dispute: a case for staff.
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=DisputeKind)
    state = models.CharField(max_length=8, choices=DisputeState, default=DisputeState.OPENED)
    reason = models.CharField(max_length=80, blank=True, help_text="The gateway's word for it.")
    is_fraud = models.BooleanField(default=False)
    minor_units = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    taken_minor_units = models.PositiveBigIntegerField(default=0)
    counted_minor_units = models.PositiveBigIntegerField(default=0)
    fee_minor_units = models.PositiveBigIntegerField(default=0)
    fee_currency = models.CharField(max_length=3, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="After this time a dispute without an answer is lost."
    )
    evidence = models.JSONField(
        default=dict, help_text="What the portal knew about the sale when the dispute opened."
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(
        null=True, blank=True, help_text="When the log said that its answer is due soon."
    )
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff settled what was paid back twice."
    )

    class Meta:
        ordering = ["-pk"]
        permissions = [("decide_dispute", "Can answer or accept a dispute")]
        constraints = [
            models.UniqueConstraint(
                name="dispute_of_a_gateway_is_stored_once", fields=["gateway", "gateway_id"]
            ),
            models.CheckConstraint(
                name="dispute_state_known", condition=Q(state__in=DisputeState.values)
            ),
            models.CheckConstraint(
                name="dispute_kind_known", condition=Q(kind__in=DisputeKind.values)
            ),
            models.CheckConstraint(name="dispute_has_an_amount", condition=Q(minor_units__gt=0)),
            models.CheckConstraint(
                name="inquiry_and_won_dispute_have_taken_nothing",
                condition=Q(kind="dispute") & ~Q(state="won") | Q(taken_minor_units=0),
            ),
            models.CheckConstraint(
                name="no_more_is_lost_than_was_taken",
                condition=Q(counted_minor_units__lte=F("taken_minor_units")),
            ),
            models.CheckConstraint(
                name="ended_dispute_has_a_time",
                condition=Q(state__in=["opened", "answered"], ended_at__isnull=True)
                | Q(state__in=["won", "lost"], ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                "due_at", name="open_disputes_by_due_time", condition=Q(ended_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.payment.reference} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.minor_units, self.currency)

    @property
    def taken(self) -> Money:
        """Return what the gateway has taken by now."""
        return Money(self.taken_minor_units, self.currency)

    @property
    def fee(self) -> Money | None:
        return Money(self.fee_minor_units, self.fee_currency) if self.fee_minor_units else None

    @property
    def is_due_soon(self) -> bool:
        """Say whether it needs an answer soon, or did not get one in time."""
        soon = now() + timedelta(days=settings.DISPUTE_DUE_DAYS)
        is_due = self.due_at is not None and self.due_at < soon
        return self.state == DisputeState.OPENED and is_due


class DisputeAnswer(models.Model):
    """What staff decided about a dispute. `key` is its idempotency key at the gateway."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="answers")
    kind = models.CharField(max_length=8, choices=AnswerKind)
    state = models.CharField(max_length=8, choices=AnswerState, default=AnswerState.ASKED)
    because = models.CharField(max_length=200)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dispute_answers"
    )
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="answer_kind_known", condition=Q(kind__in=AnswerKind.values)
            ),
            models.CheckConstraint(
                name="answer_state_known", condition=Q(state__in=AnswerState.values)
            ),
            # With this constraint, two clicks send one answer.
            models.UniqueConstraint(
                name="one_open_answer_per_dispute",
                fields=["dispute"],
                condition=Q(state="asked"),
            ),
            models.CheckConstraint(
                name="ended_answer_has_a_time",
                condition=Q(state="asked", ended_at__isnull=True)
                | ~Q(state="asked") & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.dispute} {self.state}"
