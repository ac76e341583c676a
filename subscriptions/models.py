"""Lines with their SIMs, subscriptions, data buckets and usage."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from esim.models import Sim
from outbox.calls import OutsideCall
from plans.models import Plan


class Line(models.Model):
    """A mobile service of a customer, with its phone number if it has one."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="lines"
    )
    msisdn = models.CharField("MSISDN", max_length=15, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

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

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="sims")
    sim = models.ForeignKey(Sim, on_delete=models.PROTECT, related_name="lines")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    proof = models.CharField(
        max_length=6, choices=Proof, default=Proof.NONE, blank=True, db_default=""
    )

    class Meta:
        verbose_name_plural = "SIMs on lines"
        constraints = [
            models.CheckConstraint(
                name="sim_proof_known", condition=Q(proof__in=["", "issued", "proven", "staff"])
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

    def __str__(self) -> str:
        return f"{self.old} to {self.new.line}"


class SubscriptionState(models.TextChoices):
    """A prepared subscription cannot be used until its order completes."""

    PREPARED = "prepared", pgettext_lazy("subscription state", "Prepared")
    ACTIVE = "active", pgettext_lazy("subscription state", "Active")
    CANCELLED = "cancelled", pgettext_lazy("subscription state", "Cancelled")


class Subscription(models.Model):
    """A plan on a line, as it was sold. Its time starts when its order completes."""

    line = models.ForeignKey(
        Line, on_delete=models.PROTECT, related_name="subscriptions", db_index=False
    )
    # Empty for a subscription that came from elsewhere than an order of the portal.
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    reference = models.CharField(max_length=20, unique=True, help_text="The order it came from.")
    plan_name = models.CharField(max_length=80)
    state = models.CharField(
        max_length=10, choices=SubscriptionState, default=SubscriptionState.PREPARED
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    live_iccid = models.CharField(
        "live ICCID",
        max_length=20,
        blank=True,
        help_text="The SIM on which it is active in the network.",
    )
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was ended in the network."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="what_has_ended_is_not_live", condition=Q(ended_at=None) | Q(live_iccid="")
            ),
            models.CheckConstraint(
                name="subscription_state_known", condition=Q(state__in=SubscriptionState.values)
            ),
            models.CheckConstraint(
                name="active_subscription_has_its_time",
                condition=~Q(state="active")
                | Q(starts_at__isnull=False, ends_at__gt=F("starts_at")),
            ),
        ]
        # A balance reads the index from today on, so a line's past plans cost nothing. There must
        # be no index of the line alone: PostgreSQL would choose it for lines with one plan.
        indexes = [models.Index(name="plans_of_a_line_by_end", fields=["line", "ends_at"])]

    def __str__(self) -> str:
        return f"{self.plan_name} ({self.state})"


class NetworkCall(OutsideCall):
    """One call to the network. Its key is the call's sequence number."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="network_calls"
    )
    operation = models.CharField(max_length=8)
    iccid = models.CharField("ICCID", max_length=20, blank=True)

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"


class Bucket(models.Model):
    """An amount of data that can be used in some countries, in bytes. It never goes below zero."""

    class Kind(models.TextChoices):
        ALLOWANCE = "allowance", pgettext_lazy("bucket", "Allowance")
        UNLIMITED = "unlimited", pgettext_lazy("bucket", "Unlimited")
        # A free allowance to reach the portal, never a balance (docs/contract.md#get-balance).
        MICROBALANCE = "microbalance", pgettext_lazy("bucket", "Microbalance")

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="buckets")
    kind = models.CharField(max_length=12, choices=Kind)
    total_bytes = models.PositiveBigIntegerField(default=0)
    used_bytes = models.PositiveBigIntegerField(
        default=0, help_text="The bytes that usage records have used."
    )
    # A copy of the plan's countries: what was sold stays valid when the plan changes.
    countries = models.JSONField(help_text="ISO 3166-1 alpha-2 codes in upper case.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bucket_kind_known",
                condition=Q(kind__in=["allowance", "unlimited", "microbalance"]),
            ),
            models.CheckConstraint(
                name="no_more_used_than_there_was",
                condition=Q(kind="unlimited") | Q(used_bytes__lte=F("total_bytes")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.used_bytes}/{self.total_bytes}"

    @property
    def left_bytes(self) -> int:
        return self.total_bytes - self.used_bytes

    @property
    def is_unlimited(self) -> bool:
        return self.kind == self.Kind.UNLIMITED


class UsageRecord(models.Model):
    """Data that a SIM has used, as a charging system reported it. Each record counts once."""

    source = models.CharField(max_length=40, help_text="The charging system that reported it.")
    record_id = models.CharField("record ID", max_length=100)
    day = models.DateField("day of use", help_text="In UTC. It is part of the record's identity.")
    iccid = models.CharField("ICCID", max_length=20)
    # No index of its own: `usage_of_a_line` begins with the line.
    line = models.ForeignKey(
        Line,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="usage",
        db_index=False,
        help_text="The line that the SIM was on. Empty if it was on none.",
    )
    country = models.CharField(max_length=2)
    bytes = models.BigIntegerField()
    uncovered_bytes = models.BigIntegerField(
        default=0, help_text="The bytes that no bucket covers."
    )
    used_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="usage_record_counts_once", fields=["source", "record_id", "day"]
            ),
            models.CheckConstraint(
                name="usage_record_is_not_negative",
                condition=Q(bytes__gte=0, uncovered_bytes__gte=0),
            ),
            models.CheckConstraint(
                name="no_more_uncovered_than_was_used",
                condition=Q(uncovered_bytes__lte=F("bytes")),
            ),
        ]
        indexes = [models.Index(fields=["line", "used_at"], name="usage_of_a_line")]

    def __str__(self) -> str:
        return f"{self.source} {self.record_id}"


class UsagePull(models.Model):
    """The cursor up to which a charging system's records were fetched, and the last failure."""

    source = models.CharField(max_length=40, unique=True)
    cursor = models.CharField(max_length=200, blank=True)
    refused = models.PositiveBigIntegerField(
        default=0, help_text="Records that could not be stored. The log lists each one."
    )
    tries = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    last_error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.source} {self.cursor or 'from the start'}"


class ChargingCall(OutsideCall):
    """One call to the charging system for the records after a cursor."""

    pull = models.ForeignKey(UsagePull, on_delete=models.PROTECT, related_name="calls")
    after = models.CharField(max_length=200, blank=True)

    class Meta(OutsideCall.Meta):
        indexes = [models.Index(name="charging_calls_by_time", fields=["sent_at"])]

    def __str__(self) -> str:
        return f"{self.pull.source} {self.outcome}"
