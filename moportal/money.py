"""Money is a whole number of minor units and a currency, never a float.

Amounts are rounded here and nowhere else: half up, once for each line of an order.
Source: docs/contract.md#quantities-and-identity.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency, get_currency_precision

from moportal.countries import reader_locale

RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True)
class Money:
    """An amount in minor units of its ISO 4217 currency: 1900 USD is $19.00, 500 JPY is ¥500."""

    minor_units: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """Return the amount in whole units, with as many decimal places as the currency has."""
        return Decimal(self.minor_units).scaleb(-get_currency_precision(self.currency))

    def __add__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(self.minor_units + other.minor_units, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(self.minor_units - other.minor_units, self.currency)

    def __str__(self) -> str:
        locale = reader_locale()
        text: str = format_currency(self.amount, self.currency, locale=locale)
        if locale.text_direction == "rtl":
            # An isolate keeps "US$" in one piece within right-to-left text.
            return f"\u2066{text.strip(RIGHT_TO_LEFT_MARK)}\u2069"
        return text

    def _refuse_other_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added or subtracted.")


@dataclass(frozen=True)
class TaxedPrice:
    """The price that a customer pays, and the tax that it includes."""

    gross: Money
    tax: Money

    @property
    def net(self) -> Money:
        return self.gross - self.tax


def with_tax(price: Money, *, rate: int, included: bool) -> TaxedPrice:
    """Split a price that includes tax, or add the tax to a price that does not.

    `rate` is in basis points: 1900 is 19 %. The tax is rounded half up.
    """
    base = Decimal(price.minor_units)
    share = Decimal(rate) / 10_000
    tax = base * share / (1 + share) if included else base * share
    tax_units = int(tax.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    gross = price.minor_units if included else price.minor_units + tax_units
    return TaxedPrice(Money(gross, price.currency), Money(tax_units, price.currency))
