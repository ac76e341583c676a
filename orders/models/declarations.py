"""What customers declare by law without sign-in: a withdrawal, or a cancellation."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from orders.models.orders import Order
from orders.states import DeclarationKind, DeclarationOutcome, DeclarationState


class Declaration(models.Model):
    """One withdrawal or cancellation, as it was typed. It counts from `declared_at` on.

    A worker looks for the contract (`orders.domain.matching`). What it does not carry out itself is
    a case for staff until `due_at`. `key` is made with the confirm page, so one page declares once.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    kind = models.CharField(max_length=10, choices=DeclarationKind)
    name = models.CharField(max_length=120)
    address = models.CharField(
        max_length=254, help_text="The email address or phone number that gets the receipt."
    )
    contract = models.CharField(
        max_length=40, help_text="The order number or phone number, as it was typed."
    )
    note = models.CharField(
        max_length=200, blank=True, help_text="For example the day on which the plan ends."
    )
    # Who was signed in then. Empty for everybody else.
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="declarations",
    )
    language = models.CharField(max_length=12)
    market = models.CharField(max_length=2)
    declared_at = models.DateTimeField()
    state = models.CharField(
        max_length=9, choices=DeclarationState, default=DeclarationState.RECEIVED
    )
    outcome = models.CharField(max_length=12, choices=DeclarationOutcome, blank=True)
    order = models.ForeignKey(
        Order, null=True, blank=True, on_delete=models.PROTECT, related_name="declarations"
    )
    due_at = models.DateTimeField(help_text="When staff must have answered it.")
    done_at = models.DateTimeField(null=True, blank=True)
    staff_note = models.CharField(max_length=200, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="settled_declarations",
    )

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("settle_declaration", "Can settle a withdrawal or cancellation"),
            ("carry_out_declaration", "Can end a plan for a withdrawal or cancellation"),
        ]
        indexes = [
            models.Index(
                name="open_declarations",
                fields=["declared_at"],
                condition=Q(state__in=["matched", "unmatched"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="declaration_kind_known", condition=Q(kind__in=DeclarationKind.values)
            ),
            models.CheckConstraint(
                name="declaration_state_known", condition=Q(state__in=DeclarationState.values)
            ),
            models.CheckConstraint(
                name="declaration_outcome_known",
                condition=Q(outcome="") | Q(outcome__in=DeclarationOutcome.values),
            ),
            models.CheckConstraint(
                name="matched_declaration_has_an_order",
                condition=~Q(state="matched") | Q(order__isnull=False),
            ),
            models.CheckConstraint(
                name="unmatched_declaration_has_no_order",
                condition=~Q(state="unmatched") | Q(order__isnull=True),
            ),
            models.CheckConstraint(
                name="done_declaration_has_a_time",
                condition=Q(state="done", done_at__isnull=False)
                | ~Q(state="done") & Q(done_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.contract} ({self.state})"

    @property
    def reference(self) -> str:
        """Return what the customer and staff call it."""
        return self.key.hex[:10].upper()
