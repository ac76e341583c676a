"""Country names in the reader's language, from Unicode's tables (Babel)."""

from collections.abc import Sequence

from babel import Locale
from babel.lists import format_list
from django.utils.translation import get_language, to_locale


def reader_locale() -> Locale:
    """Return Babel's locale for the active language."""
    return Locale.parse(to_locale(get_language() or "en"))


def country_name(code: str) -> str:
    """Return the country's name in the active language, or the code if it has none."""
    name: str = reader_locale().territories.get(code, code)
    return name


def country_list(codes: Sequence[str]) -> str:
    """Return the names as a list in the active language: "Canada, Mexico and United States"."""
    joined: str = format_list([country_name(code) for code in codes], locale=reader_locale())
    return joined
