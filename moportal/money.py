"""Money is a whole number of minor units and a currency, never a float.

Amounts are rounded here and nowhere else: half up, once for each line of an order. Only a share
that the customer gets back is rounded up.
Source: docs/contract.md#quantities-and-identity.
"""

from copy import copy
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency, get_currency_precision
from django.core.exceptions import ValidationError

from moportal.text.countries import reader_locale

RIGHT_TO_LEFT_MARK = "\u200f"
# How many decimal digits the minor unit of each currency has: ISO 4217, list one, 1
# January 2026. Codes without a minor unit, such as gold, are left out. Babel's precision
# is not the same: it says how amounts are usually displayed. ALL is displayed without
# decimals, but charged in hundredths.
_CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
        "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
        "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
        "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
        "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
        "XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_UNIT_DIGITS = {
    currency: digits for digits, codes in _CURRENCIES.items() for currency in codes.split()
}


def validate_currency(code: str) -> None:
    """Raise `ValidationError` unless the code is a currency of ISO 4217 with a minor unit."""
    if code not in MINOR_UNIT_DIGITS:
        raise ValidationError("Enter a currency code of ISO 4217, such as EUR.", code="currency")


@dataclass(frozen=True)
class Money:
    """An amount in minor units of its ISO 4217 currency: 1900 USD is $19.00, 500 JPY is ¥500."""

    minor_units: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """Return the amount in whole units, with all decimals of its currency.

        Raises `KeyError` for a currency whose minor unit is unknown.
        """
        return Decimal(self.minor_units).scaleb(-MINOR_UNIT_DIGITS[self.currency])

    def __add__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(self.minor_units + other.minor_units, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(self.minor_units - other.minor_units, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor_units, self.currency)

    def share(self, part: int, whole: int) -> "Money":
        """Return this part of the amount, rounded up: the share is the customer's."""
        return Money(-(-self.minor_units * part // whole), self.currency)

    def __str__(self) -> str:
        locale = reader_locale()
        # Babel shares this object between all calls, so it must not be changed in place.
        pattern = copy(locale.currency_formats["standard"])
        pattern.frac_prec = (self._shown_digits, self._shown_digits)
        text: str = format_currency(
            self.amount, self.currency, format=pattern, locale=locale, currency_digits=False
        )
        if locale.text_direction == "rtl":
            # An isolate keeps "US$" in one piece within right-to-left text.
            return f"\u2066{text.strip(RIGHT_TO_LEFT_MARK)}\u2069"
        return text

    @property
    def _shown_digits(self) -> int:
        """Return the usual number of decimals, or all of them if fewer would round the amount."""
        usual = get_currency_precision(self.currency)
        is_exact = self.amount == round(self.amount, usual)
        return usual if is_exact else MINOR_UNIT_DIGITS[self.currency]

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

    def tax_in(self, part: Money) -> Money:
        """Return the tax in a part of the gross, rounded half up."""
        tax = Decimal(self.tax.minor_units) * part.minor_units / self.gross.minor_units
        return Money(int(tax.quantize(Decimal(1), rounding=ROUND_HALF_UP)), part.currency)


def with_tax(price: Money, *, rate: int, included: bool) -> TaxedPrice:
    """Split a price that includes tax, or add the tax to a price that does not.

    `rate` is in basis points: 1900 is 19 %. The tax is rounded half up.
    """
    base = Decimal(price.minor_units)
    fraction = Decimal(rate) / 10_000
    # The tax within a gross price is less than this fraction of it,
    # because `gross = net + tax`.
    tax = base * fraction / (1 + fraction) if included else base * fraction
    tax_units = int(tax.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    gross = price.minor_units if included else price.minor_units + tax_units
    return TaxedPrice(Money(gross, price.currency), Money(tax_units, price.currency))
