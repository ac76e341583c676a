"""Ways out of the walled garden, and the calls to the network about them."""

from django.db import models
from django.db.models import Q

from esim.models import Sim
from outbox.calls import OutsideCall
from subscriptions.states import WAY_UNDER_WAY, WayOutState, WayRefusal


class WayOut(models.Model):
    """Lets a SIM reach any host for some minutes, so that its customer can open a bank's page.

    It is not a balance: Get Balance does not see it (docs/contract.md#get-balance). Its key is its
    number in the network. The row is stored before any call; a worker makes the calls
    (`subscriptions.domain.ways_out`).
    """

    sim = models.ForeignKey(Sim, on_delete=models.PROTECT, related_name="ways_out")
    reference = models.CharField(
        max_length=40, db_index=True, help_text="The order or card page that it is for."
    )
    state = models.CharField(max_length=8, choices=WayOutState, default=WayOutState.ASKED)
    refusal = models.CharField(
        max_length=10, choices=WayRefusal, blank=True, default="", db_default=""
    )
    minutes = models.PositiveSmallIntegerField()
    megabytes = models.PositiveIntegerField()
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When it lapses by itself, if the network has opened it."
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = "way out"
        verbose_name_plural = "ways out"
        constraints = [
            models.CheckConstraint(
                name="way_out_state_known", condition=Q(state__in=WayOutState.values)
            ),
            models.CheckConstraint(
                name="way_out_refusal_known",
                condition=Q(refusal="") | Q(refusal__in=WayRefusal.values),
            ),
            models.UniqueConstraint(
                name="one_way_out_per_sim", fields=["sim"], condition=Q(state__in=WAY_UNDER_WAY)
            ),
            models.CheckConstraint(
                name="open_way_out_has_its_end",
                condition=~Q(state="open") | Q(ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="refused_way_out_says_why", condition=~Q(state="refused") | ~Q(refusal="")
            ),
            models.CheckConstraint(
                name="closed_way_out_has_a_time",
                condition=Q(state="closed", closed_at__isnull=False)
                | ~Q(state="closed") & Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"way out {self.pk} {self.state}"


class WayOutCall(OutsideCall):
    """One call to the network about a way out. The way's number is its key."""

    way_out = models.ForeignKey(WayOut, on_delete=models.PROTECT, related_name="calls")
    operation = models.CharField(max_length=5)

    def __str__(self) -> str:
        return f"{self.operation} {self.outcome}"
