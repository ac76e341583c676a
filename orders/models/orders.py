"""Drafts, orders, their repairs and returns."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from esim.models import Profile, Sim
from mobileplans.models import Visit
from moportal.money import Money
from orders.states import Failure, OrderState, RepairKind, RepairState, ReturnState
from payments.models import CardPage, Payment, PaymentMethod, Refund
from plans.models import Plan, PricedPlan
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


class Draft(PricedPlan):
    """The cart: an order that is not submitted yet. An account has one open draft at a time.

    Every change raises `version`, and every form carries the version that it shows. `key`
    is made with the draft and becomes the payment's idempotency key.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts"
    )
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="drafts")
    version = models.PositiveIntegerField(default=1)
    key = models.UUIDField(unique=True, default=uuid.uuid4)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    method = models.ForeignKey(PaymentMethod, null=True, blank=True, on_delete=models.PROTECT)
    # The page on which a new card is typed. The stored card becomes the method.
    card_page = models.OneToOneField(
        CardPage, null=True, blank=True, on_delete=models.PROTECT, related_name="draft"
    )
    # The SIM that gets the plan, if the customer chose one: see `orders.domain.targets`.
    sim = models.ForeignKey(Sim, null=True, blank=True, on_delete=models.PROTECT)
    wants_new_esim = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_draft_per_account",
                fields=["account"],
                condition=Q(submitted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="draft_with_a_plan_has_its_price",
                condition=Q(plan__isnull=True)
                | Q(gross_minor_units__isnull=False, tax_minor_units__isnull=False)
                & ~Q(plan_name="")
                & ~Q(currency=""),
            ),
            models.CheckConstraint(
                name="draft_goes_on_one_thing",
                condition=Q(sim__isnull=True) | Q(wants_new_esim=False),
            ),
            models.CheckConstraint(
                name="submitted_draft_is_complete",
                condition=Q(submitted_at__isnull=True)
                | Q(plan__isnull=False, method__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.pk}"

    @property
    def renews(self) -> bool:
        """Return whether the draft's plan renews."""
        return self.plan is not None and self.plan.renews


class Order(PricedPlan):
    """One decision of the customer: one order, one charge, one profile."""

    number = models.CharField(max_length=10, unique=True, default=new_number)
    draft = models.OneToOneField(Draft, on_delete=models.PROTECT, related_name="order")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders"
    )
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="orders")
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
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="order")
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
        constraints = [
            models.CheckConstraint(
                name="order_state_known", condition=Q(state__in=OrderState.values)
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
                | Q(
                    charge_decided_at__isnull=False,
                    completed_at__isnull=False,
                    subscription__isnull=False,
                ),
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


class Repair(models.Model):
    """The repair of a sold eSIM that did not reach its device. It is never charged.

    The row is stored before any call outside; a worker carries it
    out (`orders.domain.repairing`).
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="repairs")
    kind = models.CharField(max_length=8, choices=RepairKind)
    state = models.CharField(max_length=8, choices=RepairState, default=RepairState.ASKED)
    because = models.CharField(max_length=40, help_text="The LPA error, or who asked for it.")
    visit = models.ForeignKey(
        Visit, null=True, blank=True, on_delete=models.PROTECT, related_name="repairs"
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    eid = models.CharField("EID", max_length=32, blank=True)
    old_profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="repairs")
    new_profile = models.OneToOneField(
        Profile, null=True, blank=True, on_delete=models.PROTECT, related_name="replaces"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="repair_kind_known", condition=Q(kind__in=RepairKind.values)
            ),
            models.CheckConstraint(
                name="repair_state_known", condition=Q(state__in=RepairState.values)
            ),
            models.UniqueConstraint(
                name="one_open_repair_per_order", fields=["order"], condition=Q(state="asked")
            ),
            models.CheckConstraint(
                name="ended_repair_has_a_time",
                condition=Q(state="asked") | Q(ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="reissue_that_is_done_has_a_new_profile",
                condition=~Q(kind="reissue", state="done") | Q(new_profile__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.order}"


class Return(models.Model):
    """Taking a completed order back: the plan ends, and `payments` gives the charge back.

    The row is stored before any call outside; a worker carries it out
    (`orders.domain.returning`). A withdrawal may give back a part of the charge, or nothing.
    """

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="taken_back")
    state = models.CharField(max_length=8, choices=ReturnState, default=ReturnState.ASKED)
    because = models.CharField(max_length=200)
    withdraws_esim = models.BooleanField(
        default=True, help_text="Cancel the eSIM at the SM-DP+, unless it is already on a device."
    )
    minor_units = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="What is given back. Empty: what is left of the charge."
    )
    refund = models.OneToOneField(
        Refund, null=True, blank=True, on_delete=models.PROTECT, related_name="order_return"
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="return_of_a_sum_has_its_refund",
                condition=Q(minor_units__gt=0, refund__isnull=False)
                | (Q(minor_units__isnull=True) | Q(minor_units=0)) & Q(refund__isnull=True),
            ),
            models.CheckConstraint(
                name="return_state_known", condition=Q(state__in=ReturnState.values)
            ),
            models.CheckConstraint(
                name="ended_return_has_a_time",
                condition=Q(state="asked", ended_at__isnull=True)
                | ~Q(state="asked") & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"return of {self.order}"

    @property
    def amount(self) -> Money:
        """Return what is given back: the whole price, if no other sum was decided."""
        price = self.order.price.gross
        return price if self.minor_units is None else Money(self.minor_units, price.currency)
