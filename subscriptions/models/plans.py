"""Subscriptions of a line, and the calls to the network about them."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from esim.models import Sim
from outbox.calls import OutsideCall
from payments.models import Mandate
from plans.models import Plan
from subscriptions.models.lines import Line
from subscriptions.states import ParkReason, SubscriptionState

# The outbox's kind for subscriptions that renew.
KIND = "subscription"


class Master(models.TextChoices):
    """Who decides about a subscription (docs/contract.md#subscriptions)."""

    PORTAL = "portal", pgettext_lazy("master", "The portal")
    # The operator's own billing. The portal only copies what the customer system says.
    OPERATOR = "operator", pgettext_lazy("master", "The operator's billing")


class Subscription(models.Model):
    """A plan on a line. Its periods say when it can be used, what is in it, and what it costs."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="subscriptions")
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
    market = models.CharField(
        max_length=2, blank=True, default="", db_default="", help_text="Where it was sold."
    )
    state = models.CharField(
        max_length=10, choices=SubscriptionState, default=SubscriptionState.PREPARED
    )
    mandate = models.ForeignKey(
        Mandate,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="subscriptions",
        help_text="What the customer agreed to, if the plan renews.",
    )
    # A period's bounds follow from this time and its number (`subscriptions.domain.bounds`). They
    # never follow from the last end, so the day of the month does not drift.
    anchored_at = models.DateTimeField(
        null=True, blank=True, help_text="When the period with the anchor's number began."
    )
    anchor_number = models.PositiveIntegerField(default=1, db_default=1)
    decided_number = models.PositiveIntegerField(
        default=1,
        db_default=1,
        help_text="The newest period that is charged, or will be: nothing stops it any more.",
    )
    last_number = models.PositiveIntegerField(
        null=True, blank=True, help_text="The last period. Empty if the plan is not cancelled."
    )
    cancelled_at = models.DateTimeField(
        null=True, blank=True, help_text="When the customer, or staff, cancelled it."
    )
    changing = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="The order that changes the plan, from the decision to charge it until it ends.",
    )
    parked_because = models.CharField(
        max_length=8,
        choices=ParkReason,
        blank=True,
        default="",
        db_default="",
        help_text="Why nothing is charged now. Staff must act.",
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker must process it next."
    )
    served_until = models.DateTimeField(
        null=True, blank=True, help_text="The time until which the network was told to serve it."
    )
    served_plan = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The plan that the network was told to serve, since it was renewed.",
    )
    is_suspended = models.BooleanField(
        default=False, db_default=False, help_text="The network was told to suspend it."
    )
    lost_time = models.DurationField(
        null=True,
        blank=True,
        help_text="What a failed download has cost. A period ends later by it, once.",
    )
    tries = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Failed attempts in a row."
    )
    last_error = models.CharField(max_length=200, blank=True, default="", db_default="")
    live_sims = models.PositiveSmallIntegerField(
        "live SIMs",
        default=0,
        db_default=0,
        help_text="The number of SIMs on which it is active in the network.",
    )
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was ended in the network."
    )

    class Meta:
        permissions = [
            ("resume_subscription", "Can park a subscription and resume it"),
            ("cancel_subscription", "Can cancel a subscription for its customer"),
            ("extend_subscription", "Can extend a subscription free of charge"),
        ]
        constraints = [
            models.CheckConstraint(
                name="what_has_ended_is_not_live", condition=Q(ended_at=None) | Q(live_sims=0)
            ),
            models.CheckConstraint(
                name="lost_time_is_positive",
                condition=Q(lost_time__isnull=True) | Q(lost_time__gt=timedelta()),
            ),
            models.CheckConstraint(
                name="subscription_master_known", condition=Q(master__in=Master.values)
            ),
            models.CheckConstraint(
                name="subscription_state_known", condition=Q(state__in=SubscriptionState.values)
            ),
            models.CheckConstraint(
                name="park_reason_known",
                condition=Q(parked_because="") | Q(parked_because__in=ParkReason.values),
            ),
            models.CheckConstraint(
                name="only_what_renews_is_due",
                condition=Q(due_at__isnull=True)
                | Q(anchored_at__isnull=False, master="portal")
                & Q(state__in=["active", "grace", "on_hold"]),
            ),
            models.CheckConstraint(
                name="only_what_renews_is_changed",
                condition=Q(changing="") | Q(anchored_at__isnull=False, master="portal"),
            ),
            models.CheckConstraint(
                name="only_what_renews_is_overdue",
                condition=~Q(state__in=["grace", "on_hold"]) | Q(anchored_at__isnull=False),
            ),
            models.CheckConstraint(
                name="cancelled_subscription_has_its_last_period",
                condition=Q(cancelled_at__isnull=True, last_number__isnull=True)
                | Q(cancelled_at__isnull=False, last_number__isnull=False),
            ),
            models.CheckConstraint(
                name="nothing_is_charged_after_the_last_period",
                condition=Q(last_number__isnull=True) | Q(decided_number__lte=F("last_number")),
            ),
        ]
        # Beat reads this index from its start up to now. Plans that have ended are not in it.
        indexes = [
            models.Index(
                name="parked_subscriptions",
                fields=["anchored_at"],
                condition=~Q(parked_because="") & Q(ended_at__isnull=True),
            ),
            models.Index(F("due_at"), name="due_subscriptions", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.plan_name} ({self.state})"

    @property
    def renews(self) -> bool:
        """Return whether the portal makes periods of this subscription."""
        return self.anchored_at is not None

    @property
    def is_cancelled(self) -> bool:
        """Return whether it ends with its last period. Until then that can be undone."""
        return self.last_number is not None


class LiveSim(models.Model):
    """The time that a plan is active in the network on a SIM. `until` is empty while it is.

    `subscriptions.domain.activation` alone writes these rows, in the transaction in which it counts
    them in `Subscription.live_sims`.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="live")
    sim = models.ForeignKey(Sim, on_delete=models.PROTECT, related_name="live")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "live SIM"
        constraints = [
            models.UniqueConstraint(
                name="plan_is_active_once_on_a_sim",
                fields=["subscription", "sim"],
                condition=Q(until__isnull=True),
            ),
            models.CheckConstraint(
                name="plan_is_inactive_after_it_was_active",
                condition=Q(until__isnull=True) | Q(until__gte=F("since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription.reference} on {self.sim}"


class NetworkCall(OutsideCall):
    """One call to the network. Its key is the call's sequence number."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="network_calls"
    )
    operation = models.CharField(max_length=10)
    iccid = models.CharField("ICCID", max_length=20, blank=True)

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"
