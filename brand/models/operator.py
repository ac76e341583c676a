"""One installation serves one operator and one brand (docs/contract.md#quantities-and-identity)."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from brand.initials import Initial, initial
from brand.models.logos import Logo
from moportal.identifiers import Country

hex_colour = RegexValidator(
    r"^#[0-9a-f]{6}$", "Enter # and six hexadecimal digits, for example #0b5c5f."
)
country_list = RegexValidator(
    r"^([A-Z]{2}( [A-Z]{2})*)?$", "Enter two-letter country codes with a space between them."
)


class Operator(models.Model):
    """The mobile operator that runs this portal: a single row."""

    name = models.CharField(max_length=80)
    # By its name, so that a page needs no other row for the address.
    logo = models.ForeignKey(
        Logo,
        to_field="name",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="If empty, the first letter of the name is drawn.",
    )
    logo_dark = models.ForeignKey(
        Logo,
        to_field="name",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The logo on a dark background. If empty, the same logo is used.",
    )
    accent = models.CharField(
        max_length=7,
        default="#0b5c5f",
        validators=[hex_colour],
        help_text="The colour of buttons. Links and lines take a darker one where it is too light.",
    )
    accent_dark = models.CharField(
        max_length=7,
        default="#5ec4bf",
        validators=[hex_colour],
        help_text="The same on a dark page. Links and lines take a lighter one if it is too dark.",
    )
    support_phone = models.CharField(max_length=40)
    support_email = models.EmailField()
    support_hours = models.CharField(max_length=120)
    website = models.URLField(
        blank=True,
        help_text="Customers in an ordinary browser get a link to it after they leave.",
    )
    legal_name = models.CharField(
        max_length=120,
        blank=True,
        help_text="Who sells: the company's full name. Receipts and credit notes show it.",
    )
    legal_address = models.TextField(
        max_length=400, blank=True, help_text="The company's address, one part on each line."
    )
    tax_number = models.CharField(
        max_length=40, blank=True, help_text="The number under which the company pays its taxes."
    )
    default_market = models.CharField(max_length=2, default="US")
    sms_countries = models.CharField(
        max_length=800,
        blank=True,
        validators=[country_list],
        help_text=(
            "The countries whose numbers get SMS, such as US CA. "
            "Leave empty for the default market."
        ),
    )

    class Meta:
        constraints = [models.CheckConstraint(name="one_operator", condition=Q(pk=1))]

    def __str__(self) -> str:
        return self.name

    @property
    def market(self) -> Country:
        return Country(self.default_market)

    @property
    def countries_for_sms(self) -> frozenset[str]:
        return frozenset(self.sms_countries.split() or [self.default_market])

    @property
    def seller_name(self) -> str:
        """Return the seller's name, or the brand's if staff have not entered the company's name."""
        return self.legal_name or self.name

    @property
    def initials(self) -> tuple[Initial, Initial]:
        """Return the drawn logos of an operator without one, for a light and for a dark page."""
        return initial(self.name, self.accent), initial(self.name, self.accent_dark)

    @property
    def logo_url(self) -> str:
        return logo_address(self.logo_id or self.initials[0].name)

    @property
    def logo_dark_url(self) -> str:
        """Return the address of the logo on a dark page, or empty text if it is the same one."""
        if self.logo_id is None:
            return logo_address(self.initials[1].name)
        return logo_address(self.logo_dark_id) if self.logo_dark_id else ""


def logo_address(name: str) -> str:
    return reverse("logo", args=[name])
