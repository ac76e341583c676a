"""Drafts: orders that are not submitted yet."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from esim.models import Sim
from mobileplans.models import Visit
from orders.states import ADDS_DEVICE, OrderKind
from payments.models import CardPage, PaymentMethod
from plans.models import MonthlyPricedPlan, Plan
from subscriptions.models import SimOnLine, Subscription


class Draft(MonthlyPricedPlan):
    """The cart: an order that is not submitted yet. An account has one open draft at a time.

    Every change raises `version`, and every form carries the version that it shows. `key`
    is made with the draft and becomes the payment's idempotency key.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts"
    )
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="drafts")
    kind = models.CharField(
        max_length=8, choices=OrderKind, default=OrderKind.NEW_PLAN, db_default="new_plan"
    )
    running_plan = models.ForeignKey(
        Subscription,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="drafts",
        help_text="The customer's plan that is changed, or that another device will use.",
    )
    moves_from = models.ForeignKey(
        SimOnLine,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="drafts",
        help_text="The SIM from which the running plan is moved.",
    )
    quoted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the price of a change was last calculated."
    )
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
                name="draft_that_changes_a_plan_has_its_monthly_price",
                condition=Q(
                    kind="change", monthly_minor_units__isnull=False, quoted_at__isnull=False
                )
                | ~Q(kind="change") & Q(monthly_minor_units__isnull=True, quoted_at__isnull=True),
            ),
            models.CheckConstraint(name="draft_kind_known", condition=Q(kind__in=OrderKind.values)),
            models.CheckConstraint(
                name="draft_names_a_running_plan_unless_it_buys_one",
                condition=Q(kind="new_plan", running_plan__isnull=True)
                | ~Q(kind="new_plan") & Q(running_plan__isnull=False),
            ),
            models.CheckConstraint(
                name="only_a_move_names_the_sim_that_it_leaves",
                condition=Q(kind="move") | Q(moves_from__isnull=True),
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
                | Q(plan__isnull=False, method__isnull=False)
                | Q(plan__isnull=False, gross_minor_units=0),
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.pk}"

    @property
    def renews(self) -> bool:
        """Return whether the customer agrees to monthly charges by this draft.

        A device that joins a running plan changes nothing of its charges.
        """
        return self.plan is not None and self.plan.renews and not self.adds_device

    @property
    def adds_device(self) -> bool:
        """Return whether it puts this device on a plan that runs already."""
        return self.kind in ADDS_DEVICE

    @property
    def is_free(self) -> bool:
        """Return whether there is nothing to pay."""
        return self.plan_id is not None and self.gross_minor_units == 0

    @property
    def needs_method(self) -> bool:
        """Return whether a payment method must be chosen: for the price, or for later months."""
        return not self.is_free or self.renews
