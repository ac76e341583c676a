"""The choice of a language by the header Accept-Language (RFC 9110, 12.5.4).

Django's own parser drops the whole header for one unreadable element, and treats `q=0` as
a preference. Source: docs/contract.md#launch.
"""

import re

from django.conf import settings
from django.utils.translation import get_supported_language_variant

# In characters. A longer header is cut between two elements.
LONGEST_HEADER = 1000
# A language range and its quality, such as `de-AT;q=0.8` (RFC 9110, 12.4.2 and 12.5.4).
_ELEMENT = re.compile(
    r"(?P<range>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*q=(?P<quality>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def choose_language(header: str) -> str:
    """Return the language that the header prefers, or the operator's default.

    Empty and unreadable elements are dropped. A language of quality zero is never chosen,
    unless the header excludes every language of the portal.
    """
    qualities = _parse(header)
    available = [settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES)]
    acceptable = [code for code in available if _quality(code, qualities) != 0]
    # `sorted` keeps the header's order for equal qualities.
    for language_range in sorted(qualities, key=lambda name: -qualities[name]):
        if language_range == "*":
            chosen = next((c for c in acceptable if _range_of(c, qualities) == "*"), None)
        else:
            chosen = _available_variant(language_range)
        if qualities[language_range] and chosen in acceptable:
            return str(chosen)
    return (acceptable or available)[0]


def _parse(header: str) -> dict[str, float]:
    """Return the quality of each language range, in the header's order."""
    if len(header) > LONGEST_HEADER:
        header = header[:LONGEST_HEADER].rpartition(",")[0]
    qualities: dict[str, float] = {}
    for element in header.lower().replace("_", "-").split(","):
        match = _ELEMENT.fullmatch(element.strip(" \t"))
        if match:
            qualities.setdefault(match["range"], float(match["quality"] or 1))
    return qualities


def _range_of(code: str, qualities: dict[str, float]) -> str | None:
    """Return the most specific range that matches a language, or None (RFC 4647, 3.3.1)."""
    subtags = code.split("-")
    prefixes = ["-".join(subtags[:count]) for count in range(len(subtags), 0, -1)]
    return next((name for name in [*prefixes, "*"] if name in qualities), None)


def _quality(code: str, qualities: dict[str, float]) -> float | None:
    matching = _range_of(code, qualities)
    return None if matching is None else qualities[matching]


def _available_variant(language_range: str) -> str | None:
    """Return the language itself, or else the one to fall back to: `en-gb` to `en`."""
    try:
        return get_supported_language_variant(language_range)
    except LookupError:
        return None
