"""Moves of plans from one device to another."""

from django.db import models
from django.db.models import F, Q

from subscriptions.models.lines import Line, SimOnLine
from subscriptions.models.plans import Subscription
from subscriptions.states import OPEN_MOVE, MoveState


class PlanMove(models.Model):
    """Which SIM replaces which on a line, and when the old one leaves.

    Both SIMs are on the line while it is open, so the plan works on both. The line's other plans
    move too, because all SIMs of a line use the same plans.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="moves")
    # The plan's own line. It is here for the constraint below.
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="moves")
    old = models.ForeignKey(SimOnLine, on_delete=models.PROTECT, related_name="moves_away")
    new = models.OneToOneField(SimOnLine, on_delete=models.PROTECT, related_name="moves_in")
    reference = models.CharField(max_length=10, unique=True, help_text="The order of the move.")
    state = models.CharField(max_length=8, choices=MoveState, default=MoveState.PREPARED)
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When its order was complete.")
    retires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the old SIM leaves. Until then it can be undone."
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "move of a plan"
        verbose_name_plural = "moves of plans"
        constraints = [
            models.CheckConstraint(
                name="plan_move_state_known", condition=Q(state__in=MoveState.values)
            ),
            models.UniqueConstraint(
                name="one_open_move_per_line", fields=["line"], condition=Q(state__in=OPEN_MOVE)
            ),
            models.CheckConstraint(name="plan_moves_between_two_sims", condition=~Q(old=F("new"))),
            models.CheckConstraint(
                name="old_sim_leaves_at_a_known_time",
                condition=~Q(state__in=["live", "done"]) | Q(retires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="ended_move_has_a_time",
                condition=Q(state__in=OPEN_MOVE, ended_at__isnull=True)
                | ~Q(state__in=OPEN_MOVE) & Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"move {self.reference} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_MOVE
