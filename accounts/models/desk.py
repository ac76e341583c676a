"""What staff do at the desk for customers who are shut out, and for new colleagues."""

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from accounts.desk_states import OPEN_RECOVERY, LinkState, RecoveryState
from accounts.models.users import User
from moportal.sealed import SealedField

# How many wrong codes the holder of a code may type, and how long the code may be used.
CODE_TRIES = 5
_OPEN = sorted(OPEN_RECOVERY)


class StaffRecovery(models.Model):
    """A customer's way back in that staff started. `accounts.domain.staff_recovery` moves it.

    A code is either sent to a proven address, or read out after a second person agreed. Only its
    keyed digest is stored.
    """

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="staff_recoveries")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=RecoveryState, default=RecoveryState.CHECKING)
    right = models.JSONField(
        default=list, blank=True, help_text="Which facts the caller knew, by their names."
    )
    wrong = models.PositiveSmallIntegerField(default=0, help_text="How many answers were wrong.")
    sent_to = models.CharField(max_length=254, blank=True)
    code_digest = models.CharField(max_length=64, blank=True, editable=False)
    # A digest of the first digits. Only a code that begins with these digits uses up a try.
    code_mark = models.CharField(max_length=64, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, help_text="How many wrong codes came in.")
    started_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "recovery by staff"
        verbose_name_plural = "recoveries by staff"
        permissions = [("start_recovery", "Can start and approve a customer's recovery")]
        constraints = [
            models.CheckConstraint(
                name="staff_recovery_state_known", condition=Q(state__in=RecoveryState.values)
            ),
            models.CheckConstraint(
                name="staff_recovery_is_approved_by_another_person",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="staff_recovery_of_nobody_s_own_account",
                condition=~Q(account=F("asked_by"))
                & (Q(approved_by__isnull=True) | ~Q(account=F("approved_by"))),
            ),
            models.CheckConstraint(
                name="staff_recovery_code_is_sent_or_approved",
                condition=~Q(state__in=["code_made", "used", "spent"])
                | ~Q(sent_to="")
                | Q(approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="staff_recovery_has_digests_while_its_code_works",
                condition=Q(state="code_made") & ~Q(code_digest="") & ~Q(code_mark="")
                | ~Q(state="code_made") & Q(code_digest="", code_mark=""),
            ),
            models.CheckConstraint(
                name="staff_recovery_has_few_tries", condition=Q(tries__lte=CODE_TRIES)
            ),
            models.CheckConstraint(name="staff_recovery_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="ended_staff_recovery_has_a_time",
                condition=Q(state__in=_OPEN, ended_at__isnull=True)
                | ~Q(state__in=_OPEN) & Q(ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_open_staff_recovery_per_account",
                fields=["account"],
                condition=Q(state__in=_OPEN),
            ),
        ]

    def __str__(self) -> str:
        return f"recovery of {self.account}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Return whether anything can still be done with it."""
        return self.state in OPEN_RECOVERY and self.expires_at > now()

    @property
    def shown_state(self) -> str:
        """Return the state in words, also if its time has run out."""
        return RecoveryState.LAPSED.label if self.has_lapsed else self.get_state_display()

    @property
    def has_lapsed(self) -> bool:
        """Return whether its time is over. The state may not say so yet."""
        return self.state in OPEN_RECOVERY and self.expires_at <= now()


class PasswordLink(models.Model):
    """A link on which one of the staff sets a password. It works once.

    Only a keyed digest of its secret is stored. The row stays: it says who may have known the
    password, so those two cannot be each other's second person (`accounts.domain.staff_recovery`).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_links")
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=LinkState, default=LinkState.OPEN)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    is_mailed = models.BooleanField(default=False)
    issued_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="password_link_state_known", condition=Q(state__in=LinkState.values)
            ),
            models.CheckConstraint(
                name="password_link_is_issued_by_another_person",
                condition=~Q(user=F("issued_by")),
            ),
            models.CheckConstraint(
                name="ended_password_link_has_a_time",
                condition=Q(state="open", ended_at__isnull=True)
                | ~Q(state="open") & Q(ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="one_open_password_link_per_user",
                fields=["user"],
                condition=Q(state="open"),
            ),
        ]

    def __str__(self) -> str:
        return f"link for {self.user}, {self.issued_at:%Y-%m-%d %H:%M}"


class Authenticator(models.Model):
    """The app by whose codes one of the staff signs in, beside the password (RFC 6238)."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator")
    key = SealedField(editable=False)
    # The time step of the last code. A code works once (RFC 6238, section 5.2).
    last_step = models.PositiveBigIntegerField(default=0, editable=False)
    added_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the first right code came."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="authenticator_has_a_key", condition=~Q(key="")),
            models.CheckConstraint(
                name="authenticator_is_confirmed_by_a_code",
                condition=Q(confirmed_at=None, last_step=0)
                | Q(confirmed_at__isnull=False, last_step__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"authenticator of {self.user}"
