"""What happens to a completed order: its eSIM is repaired, or the order is taken back."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from esim.models import Profile
from mobileplans.models import Visit
from moportal.money import Money
from orders.models.orders import Order
from orders.states import RepairKind, RepairState, ReturnState
from payments.models import Refund


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
        indexes = [
            models.Index(
                name="open_returns",
                fields=["asked_at"],
                condition=Q(state__in=["asked", "refused"]),
            ),
        ]
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
