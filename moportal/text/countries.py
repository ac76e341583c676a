"""Country names in the reader's language, from Unicode's tables (Babel)."""

from collections.abc import Sequence

from babel import Locale
from babel.lists import format_list
from django.utils.translation import get_language, to_locale

# Countries and territories whose English name has an article within a sentence.
_OF_COUNTRIES = "AE BS CF DO GB GM KM MH MV NL PH SB US"
_OF_TERRITORIES = "AX BQ CC CK FK FO IM IO KY MP PN PS TC TF UM VG VI"
WITH_ARTICLE = frozenset([*_OF_COUNTRIES.split(), *_OF_TERRITORIES.split()])


def reader_locale() -> Locale:
    """Return Babel's locale for the active language."""
    return Locale.parse(to_locale(get_language() or "en"))


def country_name(code: str) -> str:
    """Return the country's name in the active language, or the code if it has none."""
    name: str = reader_locale().territories.get(code, code)
    return name


def country_after_in(code: str) -> str:
    """Return the country's name as it follows "in": "the United States".

    Only English needs this. The other languages have the bare name in a sentence that fits it.
    """
    name = country_name(code)
    return f"the {name}" if code in WITH_ARTICLE and reader_locale().language == "en" else name


def country_list(codes: Sequence[str]) -> str:
    """Return the names as a list in the active language: "Canada, Mexico and United States"."""
    joined: str = format_list([country_name(code) for code in codes], locale=reader_locale())
    return joined
