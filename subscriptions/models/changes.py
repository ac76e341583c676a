"""Other plans that customers have chosen for the next month."""

from django.db import models
from django.db.models import Q

from payments.models import Mandate
from plans.models import Plan, PricedPlan
from subscriptions.models.plans import Subscription
from subscriptions.states import ChangeState


class PlanChange(PricedPlan):
    """A plan that is not dearer, which the customer has chosen in place of the running one.

    It begins when the running month ends. Its name and price are those that the customer agreed to.
    `subscriptions.domain.cheaper` and `subscriptions.domain.chosen` alone write these rows.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="plan_changes"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    after_number = models.PositiveIntegerField(help_text="The last month of the old plan.")
    state = models.CharField(
        max_length=6, choices=ChangeState, default=ChangeState.CHOSEN, db_default="chosen"
    )
    mandate = models.ForeignKey(
        Mandate,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What the customer agreed to.",
    )
    earlier_mandate = models.ForeignKey(
        Mandate,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The consent that holds again if the choice is undone.",
    )
    chosen_at = models.DateTimeField()
    settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When it began, was undone, or lapsed."
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="plan_change_state_known", condition=Q(state__in=ChangeState.values)
            ),
            models.UniqueConstraint(
                name="one_chosen_plan_per_subscription",
                fields=["subscription"],
                condition=Q(state="chosen"),
            ),
            models.CheckConstraint(
                name="settled_plan_change_has_its_time",
                condition=Q(state="chosen", settled_at__isnull=True)
                | ~Q(state="chosen") & Q(settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="chosen_plan_has_its_consent",
                condition=~Q(state="chosen") | Q(mandate__isnull=False),
            ),
            models.CheckConstraint(
                name="chosen_plan_has_its_price",
                condition=Q(gross_minor_units__isnull=False, tax_minor_units__isnull=False)
                & ~Q(plan_name="")
                & ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription.reference}: {self.plan_name} ({self.state})"
