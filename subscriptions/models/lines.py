"""Lines and the SIMs on them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from esim.models import Sim


class Line(models.Model):
    """A mobile service of a customer, with its phone number if it has one."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="lines"
    )
    msisdn = models.CharField("MSISDN", max_length=15, blank=True)
    name = models.CharField(
        max_length=30,
        blank=True,
        default="",
        db_default="",
        help_text="The customer's own name for it. Only the customer sees it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(name="lines_by_msisdn", fields=["msisdn"], condition=~Q(msisdn="")),
        ]

    def __str__(self) -> str:
        return self.msisdn or f"line {self.pk}"


class SimOnLine(models.Model):
    """The time that a SIM is on a line. `until` is empty while it is on it."""

    class Proof(models.TextChoices):
        """How it is known that the SIM is this customer's (docs/contract.md#profile)."""

        # The launch named the SIM. Whoever proves that it is theirs gets it.
        NONE = "", pgettext_lazy("SIM proof", "Not proven")
        ISSUED = "issued", pgettext_lazy("SIM proof", "Issued to the customer")
        PROVEN = "proven", pgettext_lazy("SIM proof", "Proven by the customer")
        STAFF = "staff", pgettext_lazy("SIM proof", "Set by staff")
        # The customer system says that the SIM is on this line.
        OPERATOR = "operator", pgettext_lazy("SIM proof", "Named by the operator")

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="sims")
    sim = models.ForeignKey(Sim, on_delete=models.PROTECT, related_name="lines")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    proof = models.CharField(
        max_length=8, choices=Proof, default=Proof.NONE, blank=True, db_default=""
    )

    class Meta:
        verbose_name_plural = "SIMs on lines"
        constraints = [
            models.CheckConstraint(
                name="sim_proof_known",
                condition=Q(proof__in=["", "issued", "proven", "staff", "operator"]),
            ),
            models.UniqueConstraint(
                name="sim_is_on_one_line_at_a_time", fields=["sim"], condition=Q(until__isnull=True)
            ),
            models.CheckConstraint(
                name="sim_leaves_a_line_after_it_came",
                condition=Q(until__isnull=True) | Q(until__gte=F("since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sim} on {self.line}"


class Takeover(models.Model):
    """A SIM that went from a customer without a proof to the one who proved that it is theirs.

    A worker ends the first customer's plans on the SIM in the network. Staff decide whether the
    first customer gets a refund.
    """

    old = models.OneToOneField(SimOnLine, on_delete=models.PROTECT, related_name="lost_by")
    new = models.OneToOneField(SimOnLine, on_delete=models.PROTECT, related_name="won_by")
    taken_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When the old plans were ended in the network."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff had decided about a refund."
    )

    class Meta:
        permissions = [("decide_takeover", "Can decide about a SIM that was taken over")]
        indexes = [
            models.Index(
                name="undecided_takeovers",
                fields=["taken_at"],
                condition=Q(decided_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old} to {self.new.line}"
