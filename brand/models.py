"""One installation serves one operator and one brand (docs/contract.md#quantities-and-identity)."""

from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.templatetags.static import static
from django.utils.translation import get_language

from moportal.identifiers import Country

log = structlog.get_logger(__name__)
hex_colour = RegexValidator(
    r"^#[0-9a-f]{6}$", "Enter # and six hexadecimal digits, for example #0b5c5f."
)
country_list = RegexValidator(
    r"^([A-Z]{2}( [A-Z]{2})*)?$", "Enter two-letter country codes with a space between them."
)
country_code = RegexValidator(r"^[A-Z]{2}$", "Enter a two-letter country code, such as DE.")


def words_by_language(value: Any) -> None:
    """Raise `ValidationError` unless the value has a text for each of its languages."""
    if not isinstance(value, dict) or not all(
        isinstance(words, str) and words.strip() for words in value.values()
    ):
        raise ValidationError('Enter a text for each language, such as {"en": "Buy now"}.')


def words_in(by_language: dict[str, str], language: str) -> str:
    """Return the words in this language, otherwise the English ones, otherwise an empty text."""
    return str(by_language.get(language) or by_language.get("en", ""))


class Operator(models.Model):
    """The mobile operator that runs this portal: a single row."""

    name = models.CharField(max_length=80)
    logo = models.CharField(
        max_length=200,
        default="img/kestrel.svg",
        help_text="Path of a square SVG file in the static files.",
    )
    logo_dark = models.CharField(
        max_length=200,
        default="img/kestrel-dark.svg",
        blank=True,
        help_text="The logo on a dark background. Leave empty to use the same logo.",
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
    def logo_url(self) -> str:
        return static_url(self.logo)

    @property
    def logo_dark_url(self) -> str:
        return static_url(self.logo_dark)


@cache
def static_url(path: str) -> str:
    """Return a static file's address, or empty text if it was not collected.

    Every page has the logo. So a wrong path may cost the logo, but not the page.
    """
    try:
        return static(path) if path else ""
    except ValueError:
        log.exception("static file not collected", path=path)
        return ""


class LegalText(models.Model):
    """Terms of service or privacy policy of one market in one language (docs/policies.md#b1).

    A text is never edited once it was shown. A new version is a new row, so an order can name the
    version that its customer accepted.
    """

    class Kind(models.TextChoices):
        TERMS = "terms", "Terms of service"
        PRIVACY = "privacy", "Privacy policy"

    kind = models.CharField(max_length=8, choices=Kind)
    market = models.CharField(
        max_length=2, blank=True, help_text="Leave empty for every market without its own text."
    )
    language = models.CharField(max_length=12)
    version = models.CharField(max_length=20)
    title = models.CharField(max_length=120)
    body = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="legal_text_kind_known", condition=Q(kind__in=["terms", "privacy"])
            ),
            models.UniqueConstraint(
                name="one_legal_text_of_a_version", fields=["kind", "market", "language", "version"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version} ({self.market or '*'}, {self.language})"


class Repayment(models.TextChoices):
    """What a customer gets back who withdraws after the wish to start now."""

    WHOLE = "whole", "The whole price"
    TIME = "time", "The share of the time that is left"
    TIME_AND_DATA = "time_and_data", "The share of the time or the data, whichever is smaller"


class MarketRules(models.Model):
    """What the law of one market gives its customers (docs/contract.md#subscriptions).

    A market without a row has the rules in `brand.queries`. The operator's lawyer decides.
    """

    market = models.CharField(max_length=2, unique=True, validators=[country_code])
    withdrawal_days = models.PositiveSmallIntegerField(
        default=0,
        help_text=(
            "How many days after the purchase the customer may withdraw from the contract. "
            "0: the law gives no such right."
        ),
    )
    repayment = models.CharField(
        max_length=13,
        choices=Repayment,
        default=Repayment.WHOLE,
        help_text=(
            "What is paid back if the customer has asked to start now and then withdraws. "
            "Without that wish, or if nothing was used, it is always the whole price."
        ),
    )
    price_notice_days = models.PositiveSmallIntegerField(
        default=31,
        db_default=31,
        help_text="How many days after its notice the first month at a new price may begin.",
    )
    price_exit_days = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=(
            "How many days after the notice of a new price the customer may still leave at the "
            "old one."
        ),
    )
    offers_cancel_function = models.BooleanField(
        default=False, help_text="Every page links to the page that cancels without sign-in."
    )
    order_button = models.JSONField(
        default=dict,
        blank=True,
        validators=[words_by_language],
        help_text=(
            "The words of the order button by language, if the law demands its own, "
            'such as {"de": "Zahlungspflichtig bestellen"}.'
        ),
    )

    tax_word = models.JSONField(
        default=dict,
        blank=True,
        validators=[words_by_language],
        help_text='The name of the tax by language, such as {"en": "VAT"}. Empty: "tax".',
    )
    start_now = models.JSONField(
        default=dict,
        blank=True,
        validators=[words_by_language],
        help_text=(
            "The words by language with which the customer asks for the service before the days of "
            "withdrawal are over. Leave empty for the portal's own words."
        ),
    )

    class Meta:
        verbose_name_plural = "market rules"
        constraints = [
            models.CheckConstraint(
                name="market_is_two_letters", condition=Q(market__regex=r"^[A-Z]{2}$")
            ),
            models.CheckConstraint(
                name="rule_of_repayment_known", condition=Q(repayment__in=Repayment.values)
            ),
        ]

    def __str__(self) -> str:
        return self.market

    @property
    def allows_withdrawal(self) -> bool:
        return self.withdrawal_days > 0

    @property
    def tax_name(self) -> str:
        """Return what the tax is called in the current language; empty if it has no name."""
        return words_in(self.tax_word, get_language() or settings.LANGUAGE_CODE)

    @property
    def keeps_price_of_use(self) -> bool:
        """Return whether a customer who withdraws may have to pay for what was used."""
        return self.allows_withdrawal and self.repayment != Repayment.WHOLE
