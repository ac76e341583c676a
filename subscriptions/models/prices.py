"""New prices of plans that renew, and the notices of them that customers got."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

from moportal.money import Money, validate_currency
from plans.models import Plan
from subscriptions.models.plans import Subscription

# The outbox's kind for price changes.
PRICE_CHANGE_KIND = "price_change"


class PriceChange(models.Model):
    """A new price of a running plan in one market, which staff announce. It never changes.

    The desk's log says who announced it.

    `notice_days` and `exit_days` are what the market's rules said at that time.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="price_changes")
    market = models.CharField(max_length=2, help_text="Where the plan was sold, such as DE.")
    minor_units = models.PositiveBigIntegerField(
        "new price",
        help_text="What customers pay a month, with tax, in minor units: 1900 is 19.00 EUR.",
    )
    currency = models.CharField(max_length=3, validators=[validate_currency])
    starts_on = models.DateField(
        help_text=(
            "A month that begins on this day, or later, may have the new price. Each customer must "
            "have had the notice for long enough before."
        )
    )
    notice_days = models.PositiveSmallIntegerField()
    exit_days = models.PositiveSmallIntegerField()
    announced_at = models.DateTimeField(auto_now_add=True)
    # A worker gives the notices in the order of the subscriptions' keys.
    told_up_to = models.BigIntegerField(default=0, editable=False)
    told_at = models.DateTimeField(
        null=True, blank=True, help_text="When each customer had been told."
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("announce_price", "Can announce and withdraw a new price")]
        constraints = [
            models.CheckConstraint(name="new_price_is_a_price", condition=Q(minor_units__gt=0)),
            models.CheckConstraint(
                name="new_price_has_a_market_and_a_currency",
                condition=~Q(market="") & ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.market}: {self.price}"

    @property
    def price(self) -> Money:
        return Money(self.minor_units, self.currency)

    @property
    def starts_at(self) -> datetime:
        zone = ZoneInfo(settings.BILLING_ZONE)
        return datetime.combine(self.starts_on, time(), tzinfo=zone)


class PriceNotice(models.Model):
    """The notice of a new price for one subscription: what it says, and when the customer got it.

    It proves why a charge may be higher than the mandate says. Until it has reached the customer,
    the old price holds.
    """

    class Reached(models.TextChoices):
        """How the notice reached the customer."""

        DELIVERED = "delivered", "Message delivered"
        OPENED = "opened", "Shown in the account"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="price_notices"
    )
    change = models.ForeignKey(PriceChange, on_delete=models.PROTECT, related_name="notices")
    old_minor_units = models.PositiveBigIntegerField("old price")
    text = models.TextField(help_text="The message, as it was written.")
    language = models.CharField(max_length=12)
    written_at = models.DateTimeField(auto_now_add=True)
    reached_at = models.DateTimeField(null=True, blank=True)
    reached_by = models.CharField(max_length=9, choices=Reached, blank=True, default="")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_notice_of_a_change_per_subscription", fields=["change", "subscription"]
            ),
            models.CheckConstraint(
                name="notice_that_reached_says_when_and_how",
                condition=Q(reached_at__isnull=True, reached_by="")
                | Q(reached_at__isnull=False, reached_by__in=["delivered", "opened"]),
            ),
            models.CheckConstraint(
                name="notice_has_its_text", condition=~Q(text="") & ~Q(language="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription.reference}: {self.change.price}"

    @property
    def key(self) -> str:
        """Return what names this notice in messages and payments."""
        return f"price-{self.pk}"

    @property
    def old_price(self) -> Money:
        return Money(self.old_minor_units, self.change.currency)

    def holds_from(self, reached_at: datetime) -> datetime:
        """Return the earliest start of a month at the new price, if the notice came at this time.

        Until then, the customer can leave at the old price.
        """
        days = max(self.change.notice_days, self.change.exit_days)
        return max(reached_at + timedelta(days=days), self.change.starts_at)
