"""Amounts in Stripe's units, and the amounts that Stripe cannot charge."""

from moportal.money import MINOR_UNIT_DIGITS, Money

# Stripe counts these in hundredths, although they have no smaller unit. The amount is whole.
COUNTED_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
# Stripe counts the ariary in whole units.
COUNTED_WHOLE = frozenset({"MGA"})
# With three decimals the last digit must be 0.
LAST_DIGIT_IS_ZERO = 3
# The least amounts that Stripe names, in its own units. For any other currency the least amount is
# worth about half a dollar, and only Stripe knows it.
LEAST = {
    "AED": 200,
    "AUD": 50,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}


def to_stripe(amount: Money) -> int:
    """Return the amount in Stripe's units. Call it only if `problem_of` finds no problem."""
    if amount.currency in COUNTED_IN_HUNDREDTHS:
        return amount.minor_units * 100
    if amount.currency in COUNTED_WHOLE:
        return amount.minor_units // 100
    return amount.minor_units


def from_stripe(units: int, currency: str) -> Money:
    """Return the portal's amount for an amount in Stripe's units."""
    if currency in COUNTED_IN_HUNDREDTHS:
        return Money(units // 100, currency)
    return Money(units * 100 if currency in COUNTED_WHOLE else units, currency)


def problem_of(amount: Money) -> str:
    """Return why Stripe cannot take a charge of this amount, or an empty text."""
    digits = MINOR_UNIT_DIGITS.get(amount.currency)
    if digits is None or digits > LAST_DIGIT_IS_ZERO:
        return f"Stripe does not know {amount.currency}"
    if digits == LAST_DIGIT_IS_ZERO and amount.minor_units % 10:
        return f"the last of the three decimals must be 0 in {amount.currency}"
    if amount.currency in COUNTED_WHOLE and amount.minor_units % 100:
        return f"the amount must be whole in {amount.currency}"
    least = LEAST.get(amount.currency, 1)
    if to_stripe(amount) < least:
        return f"Stripe takes no less than {least} of its units in {amount.currency}"
    return ""
