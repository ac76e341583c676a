"""Pauses of sales, which staff make when something is on fire."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from brand.models import TimedText, country_code
from esim.models import SmdpProvider
from plans.models import Plan


class SalesPause(TimedText):
    """While it runs, nothing that it covers is sold, and customers read its text.

    What was ordered before goes on, and so does every renewal. An empty choice means all: a pause
    without market, plan and provider covers every sale.
    """

    market = models.CharField(
        max_length=2, blank=True, validators=[country_code], help_text="Empty: all markets."
    )
    plan = models.ForeignKey(
        Plan,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sales_pauses",
        help_text="Empty: all plans.",
    )
    provider = models.ForeignKey(
        SmdpProvider,
        null=True,
        blank=True,
        verbose_name="SM-DP+ provider",
        on_delete=models.PROTECT,
        related_name="sales_pauses",
        help_text="Only plans whose eSIMs it may make. Empty: all providers.",
    )
    because = models.CharField(
        "why", max_length=200, help_text="For staff. Customers do not see it."
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="paused by",
        on_delete=models.PROTECT,
        related_name="sales_pauses",
    )

    class Meta(TimedText.Meta):
        verbose_name = "sales pause"
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [("pause_sales", "Can pause sales and let them go on")]
        constraints = [
            *TimedText.Meta.constraints,
            models.CheckConstraint(
                name="salespause_market_is_a_country_or_all",
                condition=Q(market="") | Q(market__regex=r"^[A-Z]{2}$"),
            ),
            models.CheckConstraint(
                name="salespause_has_a_reason", condition=Q(because__regex=r"\S")
            ),
        ]

    def __str__(self) -> str:
        covered = [self.market or "all markets", str(self.plan or "all plans")]
        return ", ".join([*covered, *([f"eSIMs of {self.provider}"] if self.provider else [])])
