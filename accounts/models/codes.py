"""Addresses of customers, requests for one-time codes, and what they prove."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.states import OPEN, CodeState, ProofKind, Purpose, Refusal

# Wrong codes that a request takes before it lapses.
MOST_TRIES = 5
# How long a code is valid.
LIFETIME = timedelta(minutes=10)


class Address(models.Model):
    """An email address or a phone number of a customer, in its normal form.

    A proven address belongs to one account. If another account proves it later, this one has lost
    it: nothing is sent there any more. The row stays for SUPPORT_DAYS, because until then the owner
    can set a new password with the address and the recovery code.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="addresses"
    )
    value = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    proven_at = models.DateTimeField(null=True, blank=True)
    lost_at = models.DateTimeField(
        null=True, blank=True, help_text="When another account proved the address."
    )

    class Meta:
        verbose_name_plural = "addresses"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="account_has_an_address_once", fields=["account", "value"]
            ),
            models.UniqueConstraint(
                name="address_is_proven_by_one_account",
                fields=["value"],
                condition=Q(proven_at__isnull=False),
            ),
            models.CheckConstraint(
                name="lost_address_is_not_proven",
                condition=Q(proven_at__isnull=True) | Q(lost_at__isnull=True),
            ),
        ]
        indexes = [models.Index(name="addresses_by_value", fields=["value"])]

    def __str__(self) -> str:
        return self.value


class CodeRequest(models.Model):
    """Somebody asked for a one-time code. The code exists as a digest alone.

    Whoever asks for a code that must not be sent gets such a row too, without an account. So the
    answers do not tell who has an account.
    """

    # The browser that asked keeps it in its session.
    identifier = models.UUIDField(unique=True, default=uuid.uuid4)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="code_requests",
    )
    purpose = models.CharField(max_length=8, choices=Purpose)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    state = models.CharField(max_length=8, choices=CodeState, default=CodeState.CHECKING)
    refusal = models.CharField(max_length=12, choices=Refusal, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    transaction_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "request for a code"
        verbose_name_plural = "requests for codes"
        constraints = [
            models.CheckConstraint(
                name="code_purpose_known", condition=Q(purpose__in=Purpose.values)
            ),
            models.CheckConstraint(
                name="code_state_known", condition=Q(state__in=CodeState.values)
            ),
            models.CheckConstraint(name="code_has_few_tries", condition=Q(tries__lte=MOST_TRIES)),
            models.CheckConstraint(
                name="used_code_has_an_account",
                condition=~Q(state=CodeState.USED) | Q(account__isnull=False) & ~Q(digest=""),
            ),
            models.CheckConstraint(
                name="ended_code_request_has_a_time",
                condition=Q(state__in=sorted(OPEN), ended_at__isnull=True)
                | ~Q(state__in=sorted(OPEN)) & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


class Proof(models.Model):
    """A customer's proof that a phone number is theirs. It counts until it is ended."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="proofs"
    )
    kind = models.CharField(max_length=12, choices=ProofKind)
    subject = models.CharField(max_length=16, help_text="The phone number in E.164, such as +1….")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="proof_kind_known", condition=Q(kind__in=ProofKind.values)),
            models.UniqueConstraint(
                name="one_open_proof_of_a_kind",
                fields=["account", "kind", "subject"],
                condition=Q(ended_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="open_proofs_by_number", fields=["subject"], condition=Q(ended_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
