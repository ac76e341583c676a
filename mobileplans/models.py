"""Visits, their handoffs, and what the host reports about both."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import pgettext_lazy

from mobileplans.words import LONGEST_TEXT, LpaCode, UserAccount
from moportal.money import Money
from moportal.sealed import SealedField


class Visit(models.Model):
    """One launch of the portal: what the host sent, and how far the customer got."""

    class EidFrom(models.TextChoices):
        LAUNCH = "launch", pgettext_lazy("EID from", "Launch address")
        TYPED = "typed", pgettext_lazy("EID from", "Typed by the customer")
        SHARED = "shared", pgettext_lazy("EID from", "Shared from Windows settings")

    transaction_id = models.CharField(max_length=64, db_index=True)
    transaction_id_is_generated = models.BooleanField(default=False)
    # False if the visit began on another page, as after a lost session or on the open web.
    is_launched = models.BooleanField(default=True)
    eid = models.CharField("EID", max_length=32, blank=True, db_index=True)
    eid_from = models.CharField(max_length=6, blank=True, choices=EidFrom)
    iccid = models.CharField("ICCID", max_length=20, blank=True, db_index=True)
    # Only the operator's own profiles. Other ICCIDs of a launch are not stored.
    iccids = models.JSONField("ICCIDs on the eSIM", default=list, blank=True)
    # As sent: a wrong IMEI is never refused, and support may recognise it.
    imei = models.CharField("IMEI", max_length=20, blank=True, db_index=True)
    location = models.CharField(max_length=2)
    market = models.CharField(max_length=2)
    refused_as = models.CharField(max_length=12, blank=True)
    refused_because = models.CharField(max_length=20, blank=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    step = models.CharField(
        max_length=20, blank=True, help_text="The last page that the customer saw."
    )
    remarks = models.CharField(
        max_length=200, blank=True, help_text="Irregularities in the launch that were accepted."
    )
    failed_sign_ins = models.PositiveSmallIntegerField(default=0)
    # The time of the launch, which may be long before the visit becomes a row.
    launched_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="visit_has_a_transaction_id", condition=~Q(transaction_id="")
            ),
            models.CheckConstraint(
                name="visit_eid_comes_from_somewhere", condition=Q(eid="") | ~Q(eid_from="")
            ),
        ]

    def __str__(self) -> str:
        return self.transaction_id

    @property
    def is_stored(self) -> bool:
        """Say whether the visit is a row already (`mobileplans.domain.visits`)."""
        return not self._state.adding

    @property
    def is_open_web(self) -> bool:
        """Say whether the launch named no device, as in an ordinary browser."""
        return not self.iccid and self.eid_from != self.EidFrom.LAUNCH

    @property
    def user_account(self) -> UserAccount:
        """Return the handoff's word for the account: created in this visit, existing, or none."""
        if self.account is None:
            return UserAccount.NONE
        # An account that is younger than the launch was made in this visit, unless the operator
        # had the customer already.
        is_younger = self.account.created_at >= self.launched_at
        is_new = is_younger and not self.account.is_from_operator
        return UserAccount.NEW if is_new else UserAccount.EXISTING


class Handoff(models.Model):
    """The outcome for the host, stored for the handoff page and for support. The code is sealed."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="handoffs")
    # The customer who was signed in. After the cookie has expired, only this customer may see the
    # result.
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    token_hash = models.CharField(max_length=64, unique=True)
    # The customer is signed out when the page is shown, so the account's language is unknown then.
    language = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    success = models.BooleanField()
    iccid = models.CharField(max_length=20, blank=True)
    activation_code = SealedField(blank=True)
    code_is_masked = models.BooleanField(
        default=False, help_text="Set when the handoff page expires."
    )
    user_account = models.CharField(max_length=8)
    purchase_instrument = models.CharField(max_length=8)
    line = models.CharField(max_length=8)
    mo_direct_status = models.CharField(max_length=16)
    plan_name = models.CharField(max_length=80, blank=True)
    on_esim = models.BooleanField(default=False, help_text="The ICCID belongs to an eSIM profile.")
    # The receipt shows the order and the amount that was paid in this visit, if any.
    reference = models.CharField(max_length=20, blank=True)
    paid_minor_units = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # The host would use any ICCID that it is given.
            models.CheckConstraint(
                name="only_a_success_names_an_iccid",
                condition=Q(success=True) & ~Q(iccid="") | Q(success=False, iccid=""),
            ),
            models.CheckConstraint(
                name="what_was_paid_has_a_currency",
                condition=Q(paid_minor_units__isnull=True) | ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.visit} {self.mo_direct_status}"

    @property
    def paid(self) -> Money | None:
        if self.paid_minor_units is None:
            return None
        return Money(self.paid_minor_units, self.currency)


class LpaReport(models.Model):
    """One failed download, reported by the host or the SM-DP+. Support staff work on these."""

    class Source(models.TextChoices):
        HEADER = "header", pgettext_lazy("LPA report", "Launch headers")
        # The newest app reports the result of an activation to the handoff page.
        APP = "app", pgettext_lazy("LPA report", "App, on the handoff page")
        # The SM-DP+ reports later. The visit is the one in which the order was made.
        SMDP = "smdp", pgettext_lazy("LPA report", "SM-DP+")

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("LPA report", "New")
        IN_PROGRESS = "in_progress", pgettext_lazy("LPA report", "In progress")
        RESOLVED = "resolved", pgettext_lazy("LPA report", "Resolved")

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="lpa_reports")
    source = models.CharField(max_length=6, choices=Source, default=Source.HEADER)
    code = models.CharField(max_length=40, choices=[(code, str(code)) for code in LpaCode])
    code_as_sent = models.CharField(max_length=LONGEST_TEXT)
    at = models.DateTimeField(null=True, blank=True, help_text="The device's time, if it sent one.")
    at_as_sent = models.CharField(max_length=LONGEST_TEXT, blank=True)
    iccid = models.CharField("ICCID", max_length=20, blank=True, db_index=True)
    decides = models.BooleanField(default=False, help_text="The customer sees this error.")
    state = models.CharField(max_length=12, choices=State, default=State.NEW)
    asked_for_help_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "LPA error"
        constraints = [
            models.CheckConstraint(
                name="lpa_report_state_known",
                condition=Q(state__in=["new", "in_progress", "resolved"]),
            ),
            models.CheckConstraint(
                name="lpa_report_source_known", condition=Q(source__in=["header", "app", "smdp"])
            ),
            # The app and the SM-DP+ may report further errors of the same visit later.
            models.UniqueConstraint(
                name="one_lpa_error_of_a_launch_decides",
                fields=["visit"],
                condition=Q(decides=True, source="header"),
            ),
        ]
        indexes = [
            models.Index("received_at", name="lpa_queue", condition=~Q(state="resolved")),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def lpa_code(self) -> LpaCode:
        return LpaCode(self.code)


class HostReport(models.Model):
    """What the newest app reported to the handoff page: the activation or the registration."""

    class Kind(models.TextChoices):
        ACTIVATION = "activation", pgettext_lazy("host report", "Activation")
        REGISTRATION = "registration", pgettext_lazy("host report", "Registration")

    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=12, choices=Kind)
    result = models.CharField(max_length=LONGEST_TEXT)
    iccid = models.CharField("ICCID", max_length=20, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="host_report_kind_known", condition=Q(kind__in=["activation", "registration"])
            ),
            # A reload of the handoff page can send a report again.
            models.UniqueConstraint(
                name="host_report_is_stored_once", fields=["handoff", "kind", "result"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.result}"
