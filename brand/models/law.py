"""The legal texts of each market, and what its law gives its customers."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language

from brand.models.words import words_by_language, words_in

country_code = RegexValidator(r"^[A-Z]{2}$", "Enter a two-letter country code, such as DE.")


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
