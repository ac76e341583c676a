"""Messages to customers, the calls that send them, and what counts against the limits.

This room knows no account. `accounts.domain.telling` chooses address and language.
"""

import uuid

from django.db import models
from django.db.models import Q

from messages.states import OPEN, Channel, MessageState, Occasion
from messages.values import ContextDecoder, ContextEncoder
from moportal.sealed import SealedField
from outbox.calls import OutsideCall


class Message(models.Model):
    """One message to one address. A worker renders and sends it (`messages.domain.sending`)."""

    # The sender's idempotency key. It stays the same for each attempt.
    identifier = models.UUIDField(unique=True, default=uuid.uuid4)
    occasion = models.CharField(max_length=30, choices=Occasion)
    key = models.CharField(
        max_length=64, help_text="What the message is about, such as an order's number."
    )
    channel = models.CharField(max_length=4, choices=Channel)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=12)
    place = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The reader's time zone, or market. It says when it is night there.",
    )
    context = models.JSONField(
        default=dict, blank=True, encoder=ContextEncoder, decoder=ContextDecoder
    )
    # A one-time code. It is deleted when the message is sent or its time is over.
    code = SealedField(blank=True)
    state = models.CharField(max_length=11, choices=MessageState, default=MessageState.QUEUED)
    reason = models.CharField(
        max_length=200, blank=True, help_text="Why the message was not delivered."
    )
    gateway_id = models.CharField(max_length=80, blank=True)
    resend_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="resends"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    lapses_at = models.DateTimeField(
        null=True, blank=True, help_text="After this time the message is no longer sent."
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("resend_message", "Can send a message again")]
        indexes = [
            models.Index(
                name="undelivered_messages", fields=["created_at"], condition=Q(state="undelivered")
            ),
            models.Index(name="messages_by_address", fields=["address", "-created_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="message_state_known", condition=Q(state__in=MessageState.values)
            ),
            models.CheckConstraint(
                name="message_address_fits_its_channel",
                condition=Q(channel=Channel.MAIL, address__contains="@")
                | Q(channel=Channel.SMS, address__regex=r"^\+[1-9][0-9]{5,14}$"),
            ),
            models.UniqueConstraint(
                name="one_message_per_occasion_key_and_address",
                fields=["occasion", "key", "address"],
                condition=Q(resend_of__isnull=True),
            ),
            models.UniqueConstraint(
                name="one_open_resend_per_message",
                fields=["resend_of"],
                condition=Q(state__in=sorted(OPEN)),
            ),
            models.CheckConstraint(
                name="message_with_a_code_lapses",
                condition=Q(code="") | Q(lapses_at__isnull=False),
            ),
            models.CheckConstraint(
                name="ended_message_has_a_time_and_no_code",
                condition=Q(state__in=sorted(OPEN), ended_at__isnull=True)
                | ~Q(state__in=sorted(OPEN)) & Q(ended_at__isnull=False, code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.occasion} {self.key} {self.state}"


class SendingCall(OutsideCall):
    """One attempt to hand a message over to its sender."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="calls")
    sender = models.CharField(max_length=80)
    gateway_id = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.sender} {self.outcome}"


class SentCount(models.Model):
    """How many messages one limit has counted for one subject in the hour until `ends_at`.

    The subject is a keyed digest of an address, or a country (`messages.domain.budget`).
    """

    name = models.CharField(max_length=20, help_text="The limit's name.")
    subject = models.CharField(max_length=64)
    ends_at = models.DateTimeField()
    used = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_count_per_limit_subject_and_hour", fields=["name", "subject", "ends_at"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.ends_at:%Y-%m-%d %H:%M}: {self.used}"
