"""Orders and their moves."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q

from esim.models import Profile, Sim
from mobileplans.models import Visit
from orders.models.drafts import Draft
from orders.states import ADDS_DEVICE, Failure, OrderKind, OrderState
from payments.models import Payment, PaymentMethod
from plans.models import MonthlyPricedPlan, Plan
from subscriptions.models import Subscription

# The outbox's kind for orders.
KIND = "order"
# Without I, L and O, which people mistake for digits, and without U.
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number() -> str:
    """Make an order number: ten random characters of Crockford's base 32.

    Source: docs/contract.md#quantities-and-identity.
    """
    return "".join(secrets.choice(CROCKFORD) for _ in range(10))


class Order(MonthlyPricedPlan):
    """One decision of the customer: one order, at most one charge and at most one profile.

    `subscription` is the plan that the order has made. `running_plan` is an older plan that the
    order is about, because it changes that plan, attaches a device to it or moves it to one.
    """

    number = models.CharField(max_length=10, unique=True, default=new_number)
    draft = models.OneToOneField(Draft, on_delete=models.PROTECT, related_name="order")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders"
    )
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="orders")
    kind = models.CharField(
        max_length=8, choices=OrderKind, default=OrderKind.NEW_PLAN, db_default="new_plan"
    )
    running_plan = models.ForeignKey(
        Subscription,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="later_orders",
        help_text="The customer's plan that is changed, or that another device will use.",
    )
    state = models.CharField(max_length=12, choices=OrderState, default=OrderState.ACKNOWLEDGED)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    language = models.CharField(max_length=12)
    terms_version = models.CharField(max_length=20, blank=True)
    # What the customer agreed to on the review page. It becomes the mandate's text.
    renews = models.BooleanField(default=False, db_default=False)
    consent_text = models.TextField(
        blank=True, default="", db_default="", help_text="The consent to renew, as it was shown."
    )
    consented_at = models.DateTimeField(
        null=True, blank=True, help_text="When the customer agreed that the plan renews."
    )
    start_now_text = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The wish that the service starts before the term of withdrawal is over.",
    )
    start_now_at = models.DateTimeField(
        null=True, blank=True, help_text="When the customer asked for that."
    )
    eid = models.CharField("EID", max_length=32, blank=True, db_index=True)
    sim = models.ForeignKey(
        Sim,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="An existing SIM. If empty, a new profile is ordered.",
    )
    payment = models.OneToOneField(
        Payment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="order",
        help_text="Empty if there is nothing to pay.",
    )
    profile = models.OneToOneField(
        Profile, null=True, blank=True, on_delete=models.PROTECT, related_name="order"
    )
    subscription = models.OneToOneField(
        Subscription, null=True, blank=True, on_delete=models.PROTECT, related_name="order"
    )
    # Whether the order has opened a new line. The host is told
    # (docs/contract.md#outcomes).
    line_is_new = models.BooleanField(default=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    failure = models.CharField(max_length=16, blank=True, choices=Failure)
    created_at = models.DateTimeField(auto_now_add=True)
    # A request only. A worker moves the order to cancelled.
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # The point of no return. From then on the order is finished, not undone.
    charge_decided_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the payment, eSIM and plan of the failed or cancelled order were reversed.",
    )

    class Meta:
        ordering = ["-pk"]
        # The desk's actions on orders; accounts.roles says who has them.
        permissions = [
            ("retry_order", "Can retry an order that waits for staff"),
            ("refund_order", "Can give up or refund an order"),
            ("reissue_esim", "Can issue a new eSIM for an order"),
        ]
        indexes = [
            models.Index(
                name="orders_to_undo",
                fields=["created_at"],
                condition=Q(state__in=["failed", "cancelled"], undone_at__isnull=True),
            ),
            models.Index(
                name="orders_under_way",
                fields=["created_at"],
                condition=Q(state__in=["pending", "in_progress", "held"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="order_state_known", condition=Q(state__in=OrderState.values)
            ),
            models.CheckConstraint(
                name="order_that_changes_a_plan_has_its_monthly_price",
                condition=Q(kind="change", monthly_minor_units__isnull=False)
                | ~Q(kind="change") & Q(monthly_minor_units__isnull=True),
            ),
            models.CheckConstraint(name="order_kind_known", condition=Q(kind__in=OrderKind.values)),
            models.CheckConstraint(
                name="order_names_a_running_plan_unless_it_buys_one",
                condition=Q(kind="new_plan", running_plan__isnull=True)
                | ~Q(kind="new_plan") & Q(running_plan__isnull=False, subscription__isnull=True),
            ),
            models.CheckConstraint(
                name="order_has_a_payment_if_it_costs_something",
                condition=Q(gross_minor_units=0, payment__isnull=True)
                | Q(gross_minor_units__gt=0, payment__isnull=False),
            ),
            models.CheckConstraint(
                name="order_of_a_plan_that_renews_has_its_consent",
                condition=Q(renews=False, consent_text="", consented_at__isnull=True)
                | Q(renews=True, consented_at__isnull=False) & ~Q(consent_text=""),
            ),
            models.CheckConstraint(
                name="wish_to_start_now_has_its_text_and_time",
                condition=Q(start_now_text="", start_now_at__isnull=True)
                | Q(start_now_at__isnull=False) & ~Q(start_now_text=""),
            ),
            models.CheckConstraint(
                name="order_is_cancelled_or_charged_never_both",
                condition=Q(cancel_requested_at__isnull=True) | Q(charge_decided_at__isnull=True),
            ),
            models.CheckConstraint(
                name="completed_order_was_charged_and_has_its_plan",
                condition=~Q(state="completed")
                | Q(charge_decided_at__isnull=False, completed_at__isnull=False)
                & (Q(subscription__isnull=False) | Q(running_plan__isnull=False)),
            ),
            models.CheckConstraint(
                name="only_what_was_decided_is_held",
                condition=~Q(state="held") | Q(charge_decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="failed_order_says_why", condition=~Q(state="failed") | ~Q(failure="")
            ),
            models.CheckConstraint(
                name="only_failed_or_cancelled_orders_are_undone",
                condition=Q(undone_at__isnull=True) | Q(state__in=["failed", "cancelled"]),
            ),
            models.CheckConstraint(
                name="order_for_a_sim_orders_no_profile",
                condition=Q(sim__isnull=True) | Q(profile__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.display_number

    @property
    def display_number(self) -> str:
        return f"{self.number[:5]}-{self.number[5:]}"

    @property
    def sim_in_use(self) -> Sim | None:
        """Return the SIM that the plan is on: the existing one, or the new profile's."""
        return self.profile.sim if self.profile else self.sim

    @property
    def plan_in_use(self) -> Subscription | None:
        """Return the plan that the order is about: the one that it made, or the running one."""
        return self.subscription or self.running_plan

    @property
    def adds_device(self) -> bool:
        """Return whether it puts a device on a plan that runs already."""
        return self.kind in ADDS_DEVICE

    @property
    def method(self) -> PaymentMethod | None:
        """Return what pays for the order, or None if there is nothing to pay."""
        return self.payment.method if self.payment else None

    @property
    def method_kind(self) -> str:
        """Return the kind of what pays for the order. It is empty if there is nothing to pay."""
        return self.method.kind if self.method else ""

    @property
    def was_charged(self) -> bool:
        """Return whether the gateway has charged it, even if that was refunded."""
        return self.payment is not None and self.payment.was_charged


class StateChange(models.Model):
    """One move of an order, stored in the same transaction as the move."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="changes")
    old = models.CharField(max_length=12, choices=OrderState)
    new = models.CharField(max_length=12, choices=OrderState)
    reason = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.order} {self.old} to {self.new}"
