"""Visits and the handoffs they end in."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from mobileplans.outcome import Outcome
from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from moportal.sealed import SealedField


class Visit(models.Model):
    """One launch of the portal: what the host said, and how far the customer got."""

    transaction_id = models.CharField(max_length=64, db_index=True)
    transaction_id_is_ours = models.BooleanField(default=False)
    eid = models.CharField("EID", max_length=32, blank=True, db_index=True)
    iccid = models.CharField("ICCID", max_length=20, blank=True, db_index=True)
    iccids = models.JSONField("ICCIDs on the eSIM", default=list, blank=True)
    imei = models.CharField("IMEI", max_length=20, blank=True)
    location = models.CharField(max_length=2)
    market = models.CharField(max_length=2)
    refused_as = models.CharField(max_length=12, blank=True)
    refused_because = models.CharField(max_length=20, blank=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    step = models.CharField(max_length=20, blank=True, help_text="The page the customer saw last.")
    launched_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="visit_has_a_transaction_id", condition=~Q(transaction_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.transaction_id

    @property
    def user_account(self) -> UserAccount:
        """Say in the handoff's words whether the account was made in this visit."""
        if self.account is None:
            return UserAccount.NONE
        is_new = self.account.created_at >= self.launched_at
        return UserAccount.NEW if is_new else UserAccount.EXISTING


class Handoff(models.Model):
    """The outcome given to the host, kept for its page and for support; the code is sealed."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="handoffs")
    token_hash = models.CharField(max_length=64, unique=True)
    language = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    success = models.BooleanField()
    iccid = models.CharField(max_length=20, blank=True)
    activation_code = SealedField(blank=True)
    user_account = models.CharField(max_length=8)
    purchase_instrument = models.CharField(max_length=8)
    line = models.CharField(max_length=8)
    mo_direct_status = models.CharField(max_length=16)
    plan_name = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="only_a_success_names_an_iccid",
                condition=Q(success=True) & ~Q(iccid="") | Q(success=False, iccid=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.visit} {self.mo_direct_status}"

    @property
    def outcome(self) -> Outcome:
        return Outcome(
            user_account=UserAccount(self.user_account),
            purchase_instrument=PurchaseInstrument(self.purchase_instrument),
            line=LineResult(self.line),
            mo_direct_status=MoDirectStatus(self.mo_direct_status),
            success=self.success,
            iccid=self.iccid,
            activation_code=self.activation_code or None,
            plan_name=self.plan_name,
        )
