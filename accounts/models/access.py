"""How users come in: sessions that they opened, recovery codes, limits, and what happened."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.oidc import OidcIdentity
from accounts.models.users import User


class AttemptCount(models.Model):
    """What one limit has counted for one subject, such as a SIM, an account or a device.

    `accounts.access.limiter` writes it. An attempt is kept as a truncated keyed digest, so that the
    same attempt counts once, and nobody can read from it what was typed.
    """

    limit = models.CharField(max_length=20)
    subject = models.CharField(max_length=80, help_text="What is limited, such as sim:8944….")
    marks = models.JSONField(default=list, help_text="A digest of each different attempt.")
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the count ends, and a lock with it. Empty: only staff lift the lock.",
    )
    locked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("lift_lock", "Can lift a lock")]
        constraints = [
            models.UniqueConstraint(name="one_count_per_subject", fields=["limit", "subject"]),
            models.CheckConstraint(
                name="only_a_lock_has_no_end",
                condition=Q(ends_at__isnull=False) | Q(locked_at__isnull=False),
            ),
        ]
        indexes = [models.Index(name="attempt_counts_by_end", fields=["ends_at"])]

    def __str__(self) -> str:
        return f"{self.limit} {self.subject}"


class SignIn(models.Model):
    """A session that somebody opened with this account. It is open while Django's session is."""

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, editable=False)
    started_at = models.DateTimeField(auto_now_add=True)
    device = models.CharField(max_length=60, blank=True)
    transaction_id = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # If the customer signed in with the OpenID Connect provider: the identity, and the provider's
    # session. The provider ends the sign-in by either.
    identity = models.ForeignKey(
        OidcIdentity,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="sign_ins",
    )
    oidc_session = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = "sign-in"
        constraints = [
            models.UniqueConstraint(fields=["session_key"], name="sign_in_once_a_session"),
        ]

    def __str__(self) -> str:
        return f"{self.device or 'unknown device'}, {self.started_at:%Y-%m-%d %H:%M}"


class RecoveryCode(models.Model):
    """The code that lets an account's owner set a new password. Only its hash is stored."""

    account = models.OneToOneField(User, on_delete=models.CASCADE, related_name="recovery_code")
    hash = models.CharField(max_length=128, editable=False)
    # The beginning of a keyed digest: it finds the code among the accounts of one identifier.
    mark = models.CharField(max_length=6, editable=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"created {self.created_at:%Y-%m-%d %H:%M}"


class AccessEvent(models.Model):
    """Something that happened to an account's access. Its owner and staff can read it."""

    class Kind(models.TextChoices):
        SIGNED_UP = "signed_up", _("Account created")
        SIGNED_IN = "signed_in", _("Signed in")
        REFUSED = "refused", _("Sign-in with a wrong password")
        SIGNED_OUT = "signed_out", _("Signed out")
        EXPIRED = "expired", _("Signed out after a while")
        ENDED = "ended", _("Signed out on other devices")
        ENDED_BY_STAFF = "ended_by_staff", _("Signed out everywhere by support")
        PASSWORD_CHANGED = "password_changed", _("Password changed")
        # The account had none: it was created by a sign-in with the operator's provider.
        PASSWORD_SET = "password_set", _("First password set")
        RECOVERED = "recovered", _("Password set with the recovery code")
        RECOVERED_BY_CODE = "recovered_by_code", _("Password set with a one-time code")
        ADDRESS_ADDED = "address_added", _("Email address or phone number confirmed")
        ADDRESS_REMOVED = "address_removed", _("Email address or phone number removed")
        ADDRESS_LOST = "address_lost", _("Email address or phone number moved to another account")
        ADDRESS_DOUBTED = "address_doubted", _("Phone number must be confirmed again")
        IDENTIFIER_CHANGED = "identifier_changed", _("Changed what you sign in with")
        CODE_RENEWED = "code_renewed", _("New recovery code")
        JOINED = "joined", _("Sign-in with your operator added")
        UNLINKED = "unlinked", _("Sign-in with your operator removed")
        ENDED_BY_PROVIDER = "ended_by_provider", _("Signed out by your operator")
        LANGUAGE_CHANGED = "language_changed", _("Language changed")
        EXPORTED = "exported", _("Copy of your data requested")
        DELETION_ASKED = "deletion_asked", _("Account deletion requested")
        DELETION_UNDONE = "deletion_undone", _("Account deletion undone")
        SUPPORT_STARTED = "support_started", _("Support checks a caller who wants a new password")
        SUPPORT_REFUSED = "support_refused", _("Support refused a caller who gave wrong answers")
        SUPPORT_APPROVED = "support_approved", _("A second person at support agreed to a code")
        SUPPORT_CODE = "support_code", _("Support gave out a code for a new password")
        SUPPORT_STOPPED = "support_stopped", _("Support stopped giving out a code")
        SUPPORT_RECOVERED = "support_recovered", _("Password set with a code from support")
        # Only staff have these.
        LINK_GIVEN = "link_given", "Link to set a password given"
        LINK_USED = "link_used", "Password set by a link"
        FACTOR_ADDED = "factor_added", "Authenticator app added"
        FACTOR_RESET = "factor_reset", "Authenticator app forgotten"

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_events")
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=20, choices=Kind)
    # Refused sign-ins within an hour are one event.
    count = models.PositiveIntegerField(default=1)
    at = models.DateTimeField(auto_now_add=True)
    device = models.CharField(max_length=60, blank=True)
    transaction_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "access event"
        indexes = [
            models.Index(fields=["account", "-at"], name="access_event_latest"),
            models.Index(fields=["transaction_id"], name="access_event_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M}"
