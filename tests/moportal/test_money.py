"""`moportal.money`: what a page shows is what is charged, in every currency."""

import csv
import re
from pathlib import Path

import pytest
from babel.numbers import parse_decimal
from django.core.exceptions import ValidationError
from django.utils.translation import override

from moportal.money import MINOR_UNIT_DIGITS, Money, validate_currency
from moportal.text.countries import reader_locale

with Path(__file__).with_name("minor_units.tsv").open(encoding="utf-8") as table:
    # ISO 4217, list one, of 1 January 2026.
    DIGITS = {row["currency"]: int(row["digits"]) for row in csv.DictReader(table, delimiter="\t")}


def test_every_currency_has_the_minor_units_of_the_standard() -> None:
    assert MINOR_UNIT_DIGITS == DIGITS


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("currency", DIGITS)
def test_the_page_shows_what_is_charged(currency: str, language: str) -> None:
    for units in (1, 99, 100, 1900, 10_000, 1_234_567):
        with override(language):
            # Some symbols end in a full stop, such as XCG's "Cg.".
            (number,) = re.findall(r"[0-9][0-9.,]*(?<=[0-9])", str(Money(units, currency)))
            amount = parse_decimal(number, locale=reader_locale())

        assert amount.scaleb(DIGITS[currency]) == units


@pytest.mark.parametrize(
    ("units", "text"), [(190_000, "ALL1,900"), (190_050, "ALL1,900.50"), (1, "ALL0.01")]
)
def test_digits_that_are_usually_left_out_are_shown_where_they_count(units: int, text: str) -> None:
    assert str(Money(units, "ALL")) == text


@pytest.mark.parametrize("code", ["", "usd", "ABC", "XAU", "EURO"])
def test_a_code_that_is_no_currency_with_a_minor_unit_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        validate_currency(code)
    with pytest.raises(KeyError):
        _ = Money(1, code).amount
