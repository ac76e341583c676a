"""Subscriptions of a line, with their data buckets, and the calls to the network about them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from outbox.calls import OutsideCall
from plans.models import Plan
from subscriptions.models.lines import Line


class SubscriptionState(models.TextChoices):
    """A prepared subscription cannot be used until its order completes."""

    PREPARED = "prepared", pgettext_lazy("subscription state", "Prepared")
    ACTIVE = "active", pgettext_lazy("subscription state", "Active")
    CANCELLED = "cancelled", pgettext_lazy("subscription state", "Cancelled")


class Master(models.TextChoices):
    """Who decides about a subscription (docs/contract.md#subscriptions)."""

    PORTAL = "portal", pgettext_lazy("master", "The portal")
    # The operator's own billing. The portal only copies what the customer system says.
    OPERATOR = "operator", pgettext_lazy("master", "The operator's billing")


class Subscription(models.Model):
    """A plan on a line, as it was sold. Its time starts when its order completes."""

    line = models.ForeignKey(
        Line, on_delete=models.PROTECT, related_name="subscriptions", db_index=False
    )
    # Empty for a subscription that came from elsewhere than an order of the portal.
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    master = models.CharField(
        max_length=8, choices=Master, default=Master.PORTAL, db_default="portal"
    )
    reference = models.CharField(
        max_length=100,
        unique=True,
        help_text="The order it came from, or line and plan in the customer system.",
    )
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
                name="subscription_master_known", condition=Q(master__in=Master.values)
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
        default=0,
        help_text="The bytes that usage records have used, or the operator's billing has counted.",
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
