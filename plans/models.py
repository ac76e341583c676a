"""The catalogue, chosen per market (docs/policies.md#b1).

Only network connectivity is sold (docs/policies.md#b2).
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from moportal.money import Money, TaxedPrice, validate_currency, with_tax


class Category(models.TextChoices):
    """How a plan is paid: once, or every month."""

    PREPAID = "prepaid", pgettext_lazy("plan category", "Prepaid")
    RECURRING = "recurring", pgettext_lazy("plan category", "Monthly")


class Plan(models.Model):
    """A data plan. `data_bytes` is whole bytes (1 GB is 10^9); empty means unlimited.

    A validity of n days is n times 24 hours (docs/contract.md#quantities-and-identity). A
    plan that was sold is never deleted; it is taken off sale.
    """

    code = models.SlugField(max_length=40, unique=True)
    category = models.CharField(max_length=10, choices=Category)
    data_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    validity_days = models.PositiveSmallIntegerField()
    profile_type = models.CharField(max_length=40, default="consumer")
    other_profile_type = models.CharField(
        max_length=40,
        blank=True,
        help_text="Issued if the device cannot use the first type"
        " (NoEligibleProfileForThisDevice).",
    )
    more_devices = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="How many other devices may share the plan and its data.",
    )
    position = models.PositiveSmallIntegerField(default=0)
    is_on_sale = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="plan_category_known", condition=Q(category__in=["prepaid", "recurring"])
            ),
            models.CheckConstraint(
                name="plan_data_is_positive",
                condition=Q(data_bytes__isnull=True) | Q(data_bytes__gt=0),
            ),
            models.CheckConstraint(name="plan_lasts", condition=Q(validity_days__gt=0)),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def renews(self) -> bool:
        return self.category == Category.RECURRING

    @property
    def is_metered(self) -> bool:
        return self.data_bytes is not None


class PlanCountry(models.Model):
    """A country where a plan works (ISO 3166-1 alpha-2). They stay in order of entry."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="countries")
    country = models.CharField(max_length=2)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="plan_names_a_country_once", fields=["plan", "country"])
        ]

    def __str__(self) -> str:
        return self.country


class Identity(models.TextChoices):
    """Whether the law of a market asks who the customer is before a plan can be used."""

    NONE = "none", "Not needed"
    BEFORE_ACTIVATION = "before", "Before the plan starts"


class PlanPrice(models.Model):
    """The price of a plan in a market. The market decides currency and tax, never the language.

    The market also decides whether the customer must be identified.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="prices")
    market = models.CharField(max_length=2)
    minor_units = models.PositiveBigIntegerField(
        help_text=(
            "In minor units by ISO 4217: 1900 is 19.00 EUR, 1.900 KWD or 1900 JPY. "
            "With 0 the plan costs nothing."
        )
    )
    currency = models.CharField(max_length=3, validators=[validate_currency])
    tax_rate = models.PositiveIntegerField(default=0, help_text="In basis points: 1900 is 19%.")
    tax_included = models.BooleanField(default=True)
    identity = models.CharField(
        max_length=6,
        choices=Identity,
        default=Identity.NONE,
        db_default="none",
        help_text=(
            "With identity, the plan is sold only on lines whose holder the customer system"
            " reports as identified."
        ),
    )
    device_minor_units = models.PositiveBigIntegerField(
        "fee for another device",
        default=0,
        db_default=0,
        help_text="Paid once for each other device, in the same currency and with the same tax.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_price_per_plan_and_market", fields=["plan", "market"]
            ),
            models.CheckConstraint(
                name="plan_identity_known", condition=Q(identity__in=Identity.values)
            ),
            models.CheckConstraint(
                name="tax_below_one_hundred_percent", condition=Q(tax_rate__lt=10_000)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.market} {self.minor_units} {self.currency}"

    @property
    def asks_identity(self) -> bool:
        return self.identity != Identity.NONE

    @property
    def taxed(self) -> TaxedPrice:
        """Return gross and tax, rounded once."""
        return self._with_tax(self.minor_units)

    @property
    def taxed_device_fee(self) -> TaxedPrice:
        """Return gross and tax of the fee for another device. Both may be zero."""
        return self._with_tax(self.device_minor_units)

    def _with_tax(self, minor_units: int) -> TaxedPrice:
        price = Money(minor_units, self.currency)
        return with_tax(price, rate=self.tax_rate, included=self.tax_included)


class PlanText(models.Model):
    """Name and terms of a plan in one language. English is the fallback."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=12)
    name = models.CharField(max_length=80)
    terms = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_text_per_plan_and_language", fields=["plan", "language"]
            ),
            models.CheckConstraint(name="plan_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class PricedPlan(models.Model):
    """A plan at the price that the customer was shown. It is copied, and never looked up again."""

    plan_name = models.CharField(max_length=80, blank=True)
    gross_minor_units = models.PositiveBigIntegerField(null=True, blank=True)
    tax_minor_units = models.PositiveBigIntegerField(null=True, blank=True)
    tax_rate = models.PositiveIntegerField(default=0, help_text="In basis points: 1900 is 19%.")
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        abstract = True

    @property
    def price_columns(self) -> dict[str, Any]:
        """Return the columns of name and price, to copy them to another row."""
        return {field.name: getattr(self, field.name) for field in PricedPlan._meta.get_fields()}

    @property
    def price(self) -> TaxedPrice:
        return TaxedPrice(
            Money(self.gross_minor_units or 0, self.currency),
            Money(self.tax_minor_units or 0, self.currency),
        )


class MonthlyPricedPlan(PricedPlan):
    """A plan that is bought, whose later months may cost something else than what is due now."""

    monthly_minor_units = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="What each later month costs with tax, if that is not what is due now.",
    )

    class Meta:
        abstract = True

    @property
    def monthly(self) -> TaxedPrice:
        """Return the price of each later month."""
        if self.monthly_minor_units is None:
            return self.price
        gross = Money(self.monthly_minor_units, self.currency)
        return with_tax(gross, rate=self.tax_rate, included=True)

    @property
    def monthly_columns(self) -> dict[str, Any]:
        """Return the columns of name and price of a later month, as `price_columns` has them."""
        monthly = {
            "gross_minor_units": self.monthly.gross.minor_units,
            "tax_minor_units": self.monthly.tax.minor_units,
        }
        return {**self.price_columns, **monthly}
