"""Quantities in the reader's language."""

import pytest
from django.utils.translation import override

from moportal.text.filters import country_after_in, data_figure, data_size, percent


@pytest.mark.parametrize(
    ("language", "size", "shown"),
    [
        ("en", 5 * 10**9, "5 GB"),
        ("en", 1_550_000_000, "1.5 GB"),
        ("en", 999_999_999, "999.9 MB"),
        ("de", 1_500_000_000, "1,5\N{NO-BREAK SPACE}GB"),
        ("ar", 5 * 10**9, "5 جيجابايت"),
        ("fr", 1_500_000_000, "1,5\N{NO-BREAK SPACE}Go"),
        ("ja", 5 * 10**9, "5GB"),
        ("en", None, "Unlimited"),
    ],
)
def test_a_data_size_is_rounded_down_to_a_tenth(
    language: str, size: int | None, shown: str
) -> None:
    with override(language):
        assert data_size(size) == shown


@pytest.mark.parametrize(
    ("language", "size", "shown"),
    [
        ("en", 5 * 10**9, "<b>5</b> GB"),
        ("ar", 5 * 10**9, "<b>5</b> جيجابايت"),
        ("en", None, "<b>Unlimited</b>"),
    ],
)
def test_a_data_figure_is_marked_off_from_its_unit(
    language: str, size: int | None, shown: str
) -> None:
    with override(language):
        assert data_figure(size) == shown


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "7.25%"), ("de", "7,25\N{NO-BREAK SPACE}%")]
)
def test_a_tax_rate_keeps_its_decimals(language: str, shown: str) -> None:
    with override(language):
        assert percent(725) == shown


@pytest.mark.parametrize(
    ("language", "country", "shown"),
    [
        ("en", "US", "the United States"),
        ("en", "NL", "the Netherlands"),
        ("en", "FR", "France"),
        ("de", "US", "Vereinigte Staaten"),
    ],
)
def test_only_english_puts_an_article_before_a_country(
    language: str, country: str, shown: str
) -> None:
    with override(language):
        assert country_after_in(country) == shown
