"""Lines that the operator's customer system keeps, and how customers link them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from moportal.sealed import SealedField
from outbox.calls import OutsideCall
from subscriptions.models.lines import Line
from subscriptions.states import OPEN_LINKS, LinkState, Refusal


class OperatorLine(models.Model):
    """What the customer system says about a line beside its SIMs and plans.

    Only a linked line has such a row. Any other line is the portal's alone.
    """

    line = models.OneToOneField(Line, on_delete=models.PROTECT, related_name="operator_line")
    reference = models.CharField(
        max_length=40, unique=True, help_text="The line's name in the customer system."
    )
    is_locked = models.BooleanField(
        default=False, help_text="A holder has locked the line: no SIM may be attached or moved."
    )
    is_holder_identified = models.BooleanField(
        null=True,
        blank=True,
        help_text="The operator has identified the holder. Empty: it does not say.",
    )
    sim_changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the line last got another SIM, if that is known."
    )
    balances_at = models.DateTimeField(
        help_text="When the customer system was asked what is left on the line."
    )
    tries = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    last_error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.reference


class LineLink(models.Model):
    """A customer's request to link a line that they have with the operator."""

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="line_links"
    )
    number = models.CharField(
        max_length=16, blank=True, help_text="In E.164. Empty until the bill's code has found it."
    )
    bill_code = SealedField(blank=True, default="")
    is_bill_code_right = models.BooleanField(
        null=True, blank=True, help_text="Empty: no code was typed, or it is not checked yet."
    )
    state = models.CharField(max_length=8, choices=LinkState)
    refusal = models.CharField(max_length=12, choices=Refusal, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="line_link_state_known", condition=Q(state__in=LinkState.values)
            ),
            models.UniqueConstraint(
                name="one_open_link_per_number",
                fields=["account", "number"],
                condition=Q(state__in=sorted(OPEN_LINKS)),
            ),
            models.CheckConstraint(
                name="ended_link_has_a_time_and_no_bill_code",
                condition=Q(state__in=sorted(OPEN_LINKS), ended_at__isnull=True)
                | ~Q(state__in=sorted(OPEN_LINKS)) & Q(ended_at__isnull=False, bill_code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number[-4:]} {self.state}"


class CustomerCall(OutsideCall):
    """One call to the customer system, about a line or about a request to link one."""

    operation = models.CharField(max_length=10)
    key = models.CharField(max_length=60, help_text="Repeated calls with one key count once.")
    line = models.ForeignKey(
        Line, null=True, blank=True, on_delete=models.PROTECT, related_name="customer_calls"
    )
    link = models.ForeignKey(
        LineLink, null=True, blank=True, on_delete=models.CASCADE, related_name="calls"
    )

    class Meta(OutsideCall.Meta):
        constraints = [
            models.CheckConstraint(
                name="customer_call_is_about_a_line_or_a_link",
                condition=Q(line__isnull=False, link__isnull=True)
                | Q(line__isnull=True, link__isnull=False),
            ),
        ]
        indexes = [models.Index(name="customer_calls_by_time", fields=["sent_at"])]

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"
